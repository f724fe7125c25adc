package io.github.lora4j.tokenizer.chat.internal;

import java.util.Arrays;

/** Puts a {@link Str} together, run by run. */
final class StrBuilder {

  private final StringBuilder text = new StringBuilder();
  private Origin[] origins = new Origin[8];
  private int[] ends = new int[8];
  private int[] offsets = new int[8];
  private int runs;

  int length() {
    return text.length();
  }

  /** What the template wrote itself. */
  StrBuilder append(String literal) {
    return append(literal, Origin.LITERAL, 0);
  }

  /** Text that stands for what lies at an offset of its origin. */
  StrBuilder append(String more, Origin origin, int offset) {
    text.append(more);
    return run(origin, offset, more.length());
  }

  StrBuilder append(Str str) {
    return append(str, 0, str.chars());
  }

  StrBuilder append(Str str, int from, int to) {
    return append(str, from, to, -1, -1);
  }

  /** Chars of a string as written in a turn and a generation block; -1 for neither. */
  StrBuilder append(Str str, int from, int to, int turn, int generation) {
    if (from >= to) {
      return this;
    }
    text.append(str.text(), from, to);
    for (int run = str.run(from), at = from; at < to; run++) {
      int end = Math.min(str.end(run), to);
      run(str.origin(run).written(turn, generation), str.offset(run) + at - str.start(run), end - at);
      at = end;
    }
    return this;
  }

  /** Text in place of a string's chars, such as their upper case or an escape. */
  StrBuilder append(String more, Str of, int index) {
    int run = of.run(index);
    return append(more, of.origin(run), of.offset(run) + index - of.start(run));
  }

  private StrBuilder run(Origin origin, int offset, int length) {
    if (length == 0) {
      return this;
    }
    int end = (runs == 0 ? 0 : ends[runs - 1]) + length;
    if (runs > 0 && origins[runs - 1].equals(origin) && (origin.literal() || offset == follows(runs - 1))) {
      ends[runs - 1] = end;
      return this;
    }
    if (runs == ends.length) {
      origins = Arrays.copyOf(origins, 2 * runs);
      ends = Arrays.copyOf(ends, 2 * runs);
      offsets = Arrays.copyOf(offsets, 2 * runs);
    }
    origins[runs] = origin;
    ends[runs] = end;
    offsets[runs++] = offset;
    return this;
  }

  private int follows(int run) {
    return offsets[run] + ends[run] - (run == 0 ? 0 : ends[run - 1]);
  }

  Str build() {
    if (runs == 0) {
      return Str.EMPTY;
    }
    return new Str(text.toString(), Arrays.copyOf(origins, runs), Arrays.copyOf(ends, runs), Arrays.copyOf(offsets, runs), false);
  }
}
