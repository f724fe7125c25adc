package io.github.lora4j.generate.sampling;

/** Changes the scores of a sequence's next token; stateless, so that one serves many sequences. */
@FunctionalInterface
public interface LogitsProcessor {

  /** Changes the scores in place; allocates nothing. */
  void process(Scores scores);
}
