package io.github.lora4j.train.internal.parquet;

/** Numbers as differences, packed in bits in blocks of miniblocks (DELTA_BINARY_PACKED). */
final class Deltas {

  private final Input in;
  private final int perMiniblock;
  private final int miniblocks;
  private final int count;
  private final int[] widths;
  private int given;
  private int left;
  private int miniblock;
  private long value;
  private long least;

  /** @param most numbers there are at most */
  Deltas(Input in, int most) {
    this.in = in;
    int block = in.count("the size of a block", 1 << 20);
    miniblocks = in.count("the number of miniblocks", 1 << 10);
    count = in.count("the number of values", most);
    value = in.zigzag();
    if (miniblocks == 0 || block % 128 != 0 || block / miniblocks % 32 != 0 || block == 0) {
      throw in.wrong("is broken: blocks of %d numbers in %d parts".formatted(block, miniblocks));
    }
    perMiniblock = block / miniblocks;
    widths = new int[miniblocks];
    miniblock = miniblocks;
  }

  long next() {
    if (given++ == count) {
      throw in.wrong("is broken: it has %d numbers, one more is expected".formatted(count));
    }
    if (given == 1) {
      return value;
    }
    if (left == 0) {
      miniblock();
    }
    left--;
    value += least + packed(widths[miniblock]);
    return value;
  }

  /** All of them, which are lengths; then the input stands behind them. */
  int[] all() {
    int[] all = new int[count];
    for (int i = 0; i < count; i++) {
      all[i] = in.checked("a length", next(), Codec.LARGEST);
    }
    // The last miniblock is written whole.
    for (; left > 0; left--) {
      packed(widths[miniblock]);
    }
    return all;
  }

  private void miniblock() {
    held = 0;
    low = 0;
    if (++miniblock >= miniblocks) {
      miniblock = 0;
      least = in.zigzag();
      for (int i = 0; i < miniblocks; i++) {
        widths[i] = in.u8();
        if (widths[i] > 64) {
          throw in.wrong("is broken: differences of %d bits".formatted(widths[i]));
        }
      }
    }
    left = perMiniblock;
  }

  private long low;
  private int held;

  /** The next number of so many bits, the lowest first. */
  private long packed(int width) {
    long result = 0;
    for (int got = 0; got < width;) {
      if (held == 0) {
        low = in.u8();
        held = 8;
      }
      int take = Math.min(held, width - got);
      result |= (low & (1L << take) - 1) << got;
      low >>>= take;
      held -= take;
      got += take;
    }
    return result;
  }
}
