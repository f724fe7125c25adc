package io.github.lora4j.train.internal.parquet;

/** Small numbers as runs of one value and groups of eight packed in bits, which Parquet uses for levels and for places in a dictionary. */
final class Hybrid {

  private final Input in;
  private final int width;
  private long left;
  private boolean packed;
  private int value;
  private long bits;
  private int held;

  /**
   * Reads numbers to the end of an input.
   *
   * @param width bits of a number
   */
  Hybrid(Input in, int width) {
    this.in = in;
    this.width = width;
    if (width < 0 || width > 32) {
      throw in.wrong("is broken: numbers of %d bits".formatted(width));
    }
  }

  int next() {
    if (width == 0) {
      return 0;
    }
    if (left == 0) {
      run();
    }
    left--;
    if (!packed) {
      return value;
    }
    while (held < width) {
      // The last group may be cut: what is missing is not asked for, or is an error.
      bits |= (long) in.u8() << held;
      held += 8;
    }
    int result = (int) (bits & (1L << width) - 1);
    bits >>>= width;
    held -= width;
    return result;
  }

  private void run() {
    do {
      long head = in.varint();
      packed = (head & 1) == 1;
      left = packed ? (head >>> 1) * 8 : head >>> 1;
      if (left < 0 || head >>> 1 > Integer.MAX_VALUE) {
        throw in.wrong("is broken: a run of %s numbers".formatted(Long.toUnsignedString(head >>> 1)));
      }
      if (packed) {
        bits = 0;
        held = 0;
      } else {
        value = (int) in.little((width + 7) / 8);
      }
    } while (left == 0);
  }
}
