package io.github.lora4j.tokenizer.internal.decode;

import java.util.List;

/** A step from tokens to text. */
public interface Decoder {

  /** Starts on a text; what becomes of its tokens goes to the next step. */
  Stage start(Stage next);

  /** Several steps, one behind another. */
  static Decoder sequence(List<Decoder> steps) {
    return next -> {
      Stage first = next;
      for (Decoder step : steps.reversed()) {
        first = step.start(first);
      }
      return first;
    };
  }

  /** Takes tokens, each in one part or several. */
  interface Stage {

    /** A part of a token. */
    void text(String part);

    /** The token ends. */
    void end();

    /** No further token comes. */
    void done();
  }
}
