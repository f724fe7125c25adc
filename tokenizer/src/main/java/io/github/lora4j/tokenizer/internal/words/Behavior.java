package io.github.lora4j.tokenizer.internal.words;

import io.github.lora4j.tokenizer.internal.text.Text;

/** What becomes of the parts of a text that a pattern has cut: delimiters, and what lies between. */
enum Behavior {
  REMOVED, ISOLATED, MERGED_WITH_PREVIOUS, MERGED_WITH_NEXT, CONTIGUOUS;

  /** Takes the parts in order and gives words. */
  Joiner joiner(Text text, Words.Sink sink) {
    return new Joiner(this, text, sink);
  }

  /** Joins parts by a behaviour. */
  static final class Joiner {
    private final Behavior behavior;
    private final Text text;
    private final Words.Sink sink;
    private int from = -1;
    private int to;
    private boolean waits;
    private boolean previous;

    private Joiner(Behavior behavior, Text text, Words.Sink sink) {
      this.behavior = behavior;
      this.text = text;
      this.sink = sink;
    }

    /** The next part. */
    void part(int start, int end, boolean delimiter) {
      switch (behavior) {
        case REMOVED -> {
          if (!delimiter) {
            give(start, end);
          }
        }
        case ISOLATED -> give(start, end);
        case CONTIGUOUS -> join(start, end, delimiter == previous);
        case MERGED_WITH_PREVIOUS -> join(start, end, delimiter && !previous);
        case MERGED_WITH_NEXT -> {
          // The last delimiter of a run goes to what follows it.
          join(start, end, waits && !delimiter);
          waits = delimiter;
        }
      }
      previous = delimiter;
    }

    private void join(int start, int end, boolean joined) {
      if (joined && from >= 0) {
        to = end;
        return;
      }
      finish();
      from = start;
      to = end;
    }

    /** No part follows. */
    void finish() {
      if (from >= 0) {
        give(from, to);
      }
    }

    private void give(int start, int end) {
      if (start < end) {
        sink.word(text, start, end);
      }
    }
  }
}
