package io.github.lora4j.tokenizer.internal.words;

import io.github.lora4j.tokenizer.internal.text.Text;
import java.util.List;

/** Cuts texts into words. */
public interface Words {

  /** Takes words, one behind another. */
  interface Sink {

    /** The word {@code text[from, to)}, which is not empty. */
    void word(Text text, int from, int to);
  }

  /** Cuts {@code text[from, to)}; what is given on may be of another text, changed on the way. */
  void cut(Text text, int from, int to, Sink sink);

  /** Leaves texts whole. */
  static Words none() {
    return (text, from, to, sink) -> {
      if (from < to) {
        sink.word(text, from, to);
      }
    };
  }

  /** Several, each cutting what the one before has cut. */
  static Words sequence(List<Words> steps) {
    return (text, from, to, sink) -> {
      Sink first = sink;
      for (Words step : steps.reversed()) {
        Sink next = first;
        first = (t, f, e) -> step.cut(t, f, e, next);
      }
      if (from < to) {
        first.word(text, from, to);
      }
    };
  }
}
