package io.github.lora4j.tokenizer.chat.internal;

import java.util.Arrays;

/**
 * A string whose characters know their origin. Immutable. Consists of runs of one origin each; within a run of a message's text, offsets into that
 * text grow by one per char. Indices are chars; Python's count code points, see {@link #index}.
 */
final class Str implements Value {

  /** No characters. */
  static final Str EMPTY = literal("");

  private final String text;
  private final Origin[] origins;
  private final int[] ends;
  private final int[] offsets;
  private final boolean safe;
  private final int codePoints;

  Str(String text, Origin[] origins, int[] ends, int[] offsets, boolean safe) {
    this.text = text;
    this.origins = origins;
    this.ends = ends;
    this.offsets = offsets;
    this.safe = safe;
    this.codePoints = text.codePointCount(0, text.length());
  }

  static Str literal(String text) {
    return of(text, Origin.LITERAL);
  }

  static Str of(String text, Origin origin) {
    return new Str(text, new Origin[] {origin}, new int[] {text.length()}, new int[] {0}, false);
  }

  String text() {
    return text;
  }

  int chars() {
    return text.length();
  }

  /** Python's length. */
  int length() {
    return codePoints;
  }

  boolean isEmpty() {
    return text.isEmpty();
  }

  /** Whether the filter safe was applied: Python's Markup. */
  boolean safe() {
    return safe;
  }

  Str asSafe() {
    return new Str(text, origins, ends, offsets, true);
  }

  Str asPlain() {
    return safe ? new Str(text, origins, ends, offsets, false) : this;
  }

  int runs() {
    return origins.length;
  }

  Origin origin(int run) {
    return origins[run];
  }

  int start(int run) {
    return run == 0 ? 0 : ends[run - 1];
  }

  int end(int run) {
    return ends[run];
  }

  /** Offset of a run's first char in the message's text. */
  int offset(int run) {
    return offsets[run];
  }

  /** The run of a char. */
  int run(int index) {
    int found = Arrays.binarySearch(ends, index + 1);
    return found < 0 ? -found - 1 : found;
  }

  /** The char of a code point's index. */
  int index(int codePoint) {
    return codePoints == text.length() ? codePoint : text.offsetByCodePoints(0, codePoint);
  }

  /** The code point's index of a char. */
  int codePoint(int index) {
    return codePoints == text.length() ? index : text.codePointCount(0, index);
  }

  /** Chars from one index to another. */
  Str slice(int from, int to) {
    if (from == 0 && to == text.length() && !safe) {
      return this;
    }
    if (from >= to) {
      return EMPTY;
    }
    return new StrBuilder().append(this, from, to).build();
  }

  /** Code points from one index to another. */
  Str part(int from, int to) {
    return slice(index(from), index(to));
  }

  /** As put together in a turn, for what has none yet. */
  Str inTurn(int turn) {
    Origin[] turned = origins.clone();
    for (int run = 0; run < turned.length; run++) {
      turned[run] = turned[run].turn() < 0 ? turned[run].written(turn, -1) : turned[run];
    }
    return new Str(text, turned, ends, offsets, safe);
  }

  /** The first char's origin. */
  Origin origin() {
    return origins[0];
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Str str && str.text.equals(text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  @Override
  public String toString() {
    return text;
  }
}
