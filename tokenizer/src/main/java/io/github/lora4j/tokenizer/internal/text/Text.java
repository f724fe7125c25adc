package io.github.lora4j.tokenizer.internal.text;

import java.util.Arrays;

/** Code points, each with the range of chars it comes from in the original text. */
public final class Text {

  private int[] codePoints;
  private int[] starts;
  private int[] ends;
  private final int origin;
  private int length;

  public Text(int capacity) {
    this(capacity, 0);
  }

  /** A text that begins at a char of the original. */
  public Text(int capacity, int origin) {
    this.origin = origin;
    codePoints = new int[capacity];
    starts = new int[capacity];
    ends = new int[capacity];
  }

  /** The text's code points; an unpaired surrogate becomes U+FFFD. */
  public static Text of(String text) {
    Text result = new Text(text.length());
    for (int i = 0; i < text.length(); ) {
      int codePoint = text.codePointAt(i);
      int end = i + Character.charCount(codePoint);
      result.add(codePoint >= 0xD800 && codePoint <= 0xDFFF ? 0xFFFD : codePoint, i, end);
      i = end;
    }
    return result;
  }

  /** A part of this text. */
  public Text part(int from, int to) {
    if (from == 0 && to == length) {
      return this;
    }
    Text result = new Text(to - from, from < to ? starts[from] : origin);
    System.arraycopy(codePoints, from, result.codePoints, 0, to - from);
    System.arraycopy(starts, from, result.starts, 0, to - from);
    System.arraycopy(ends, from, result.ends, 0, to - from);
    result.length = to - from;
    return result;
  }

  /** The char of the original where it begins. */
  public int origin() {
    return origin;
  }

  public void add(int codePoint, int start, int end) {
    if (length == codePoints.length) {
      int capacity = Math.max(16, length * 2);
      codePoints = Arrays.copyOf(codePoints, capacity);
      starts = Arrays.copyOf(starts, capacity);
      ends = Arrays.copyOf(ends, capacity);
    }
    codePoints[length] = codePoint;
    starts[length] = start;
    ends[length++] = end;
  }

  public int length() {
    return length;
  }

  public int at(int i) {
    return codePoints[i];
  }

  public int start(int i) {
    return starts[i];
  }

  public int end(int i) {
    return ends[i];
  }

  public int[] codePoints() {
    return Arrays.copyOf(codePoints, length);
  }

  /** The characters. */
  public String string(int from, int to) {
    return new String(codePoints, from, to - from);
  }

  @Override
  public String toString() {
    return string(0, length);
  }
}
