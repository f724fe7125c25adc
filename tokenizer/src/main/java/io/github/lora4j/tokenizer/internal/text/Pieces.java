package io.github.lora4j.tokenizer.internal.text;

import java.util.Arrays;

/** A growing list of token ids with their ranges in the text. */
public final class Pieces {

  private final String text;
  private int[] ids = new int[64];
  private int[] starts = new int[64];
  private int[] ends = new int[64];
  private int length;

  public Pieces(String text) {
    this.text = text;
  }

  /** The text as it was given. */
  public String text() {
    return text;
  }

  public void add(int id, int start, int end) {
    if (length == ids.length) {
      ids = Arrays.copyOf(ids, length * 2);
      starts = Arrays.copyOf(starts, length * 2);
      ends = Arrays.copyOf(ends, length * 2);
    }
    ids[length] = id;
    starts[length] = start;
    ends[length++] = end;
  }

  public int length() {
    return length;
  }

  public int id(int i) {
    return ids[i];
  }

  public int start(int i) {
    return starts[i];
  }

  public int end(int i) {
    return ends[i];
  }

  /** Gives a piece another range. */
  public void range(int i, int start, int end) {
    starts[i] = start;
    ends[i] = end;
  }

  /** Forgets what was added after the first {@code newLength}. */
  public void shorten(int newLength) {
    length = newLength;
  }

  /** Copies the first {@code count} to position {@code at}. */
  public void copy(int count, int[] toIds, int[] toStarts, int[] toEnds, int at) {
    System.arraycopy(ids, 0, toIds, at, count);
    System.arraycopy(starts, 0, toStarts, at, count);
    System.arraycopy(ends, 0, toEnds, at, count);
  }
}
