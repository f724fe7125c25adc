package io.github.lora4j.train.internal.parquet;

/** Bits of a part of zstd's data that is read from its end: the last byte's highest bit marks where they begin. Before the first bit are zeros. */
final class BackwardBits {

  private final Input in;
  private final byte[] bytes;
  private final int start;
  private int left;

  BackwardBits(Input in, byte[] bytes, int start, int end) {
    this.in = in;
    this.bytes = bytes;
    this.start = start;
    if (start >= end || bytes[end - 1] == 0) {
      throw in.wrong("is broken: a stream of bits of zstd without its end");
    }
    left = (end - start - 1) * 8 + 31 - Integer.numberOfLeadingZeros(bytes[end - 1] & 0xFF);
  }

  /** The next bits, at most 32, the first in the highest place. */
  int read(int count) {
    left -= count;
    return at(left, count);
  }

  /** The same without taking them. */
  int peek(int count) {
    return at(left - count, count);
  }

  void skip(int count) {
    left -= count;
  }

  /** Bits that are left; below zero where more were read. */
  int left() {
    return left;
  }

  void requireEnd() {
    if (left != 0) {
      throw in.wrong("is broken: a stream of bits of zstd ends %d bits %s".formatted(Math.abs(left), left > 0 ? "early" : "late"));
    }
  }

  private int at(int bit, int count) {
    long value = 0;
    int first = bit >> 3;
    for (int i = 4; i >= 0; i--) {
      int index = first + i;
      // What lies behind is masked away, what lies before the first bit is zero.
      value = value << 8 | (index >= 0 && start + index < bytes.length ? bytes[start + index] & 0xFF : 0);
    }
    return (int) (value >>> (bit & 7) & (1L << count) - 1);
  }
}
