package io.github.lora4j.tokenizer.internal;

import java.util.Arrays;

/** A growing list of token ids with their ranges in the text. */
final class Pieces {

  private final String text;
  private int[] ids = new int[64];
  private int[] starts = new int[64];
  private int[] ends = new int[64];
  private int length;

  Pieces(String text) {
    this.text = text;
  }

  /** The text as it was given. */
  String text() {
    return text;
  }

  void add(int id, int start, int end) {
    if (length == ids.length) {
      ids = Arrays.copyOf(ids, length * 2);
      starts = Arrays.copyOf(starts, length * 2);
      ends = Arrays.copyOf(ends, length * 2);
    }
    ids[length] = id;
    starts[length] = start;
    ends[length++] = end;
  }

  int length() {
    return length;
  }

  int id(int i) {
    return ids[i];
  }

  int start(int i) {
    return starts[i];
  }

  int end(int i) {
    return ends[i];
  }

  /** Gives a piece another range. */
  void range(int i, int start, int end) {
    starts[i] = start;
    ends[i] = end;
  }

  /** Forgets what was added after the first {@code newLength}. */
  void shorten(int newLength) {
    length = newLength;
  }

  /** Copies the first {@code count} to position {@code at}. */
  void copy(int count, int[] toIds, int[] toStarts, int[] toEnds, int at) {
    System.arraycopy(ids, 0, toIds, at, count);
    System.arraycopy(starts, 0, toStarts, at, count);
    System.arraycopy(ends, 0, toEnds, at, count);
  }
}
