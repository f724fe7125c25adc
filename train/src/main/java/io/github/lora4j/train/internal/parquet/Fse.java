package io.github.lora4j.train.internal.parquet;

import java.util.Arrays;

/** A table of zstd's finite state entropy: in each state a symbol, and how many bits lead to the next state. */
record Fse(int log, byte[] symbols, byte[] bits, int[] bases) {

  /** One symbol, for ever. */
  static Fse of(int symbol) {
    return new Fse(0, new byte[] {(byte) symbol}, new byte[1], new int[1]);
  }

  /** By how many of the states each symbol has: -1 is one state, at the end of the table. */
  static Fse of(Input in, int log, int[] counts) {
    int size = 1 << log;
    byte[] symbols = new byte[size];
    int[] next = new int[counts.length];
    int high = size;
    for (int s = 0; s < counts.length; s++) {
      if (counts[s] == -1) {
        symbols[--high] = (byte) s;
        next[s] = 1;
      }
    }
    int step = (size >> 1) + (size >> 3) + 3;
    int at = 0;
    for (int s = 0; s < counts.length; s++) {
      for (int i = 0; i < counts[s]; i++) {
        next[s] = counts[s];
        symbols[at] = (byte) s;
        do {
          at = at + step & size - 1;
        } while (at >= high);
      }
    }
    if (at != 0) {
      throw in.wrong("is broken: a table of zstd is not filled");
    }
    byte[] bits = new byte[size];
    int[] bases = new int[size];
    for (int i = 0; i < size; i++) {
      int state = next[symbols[i]]++;
      bits[i] = (byte) (log - (31 - Integer.numberOfLeadingZeros(state)));
      bases[i] = (state << bits[i]) - size;
    }
    return new Fse(log, symbols, bits, bases);
  }

  /** Reads a table's counts, of at most so many symbols. */
  static Fse read(Input in, int most, int largestLog) {
    int[] counts = new int[most];
    ForwardBits data = new ForwardBits(in);
    int log = data.read(4) + 5;
    if (log > largestLog) {
      throw in.wrong("is broken: a table of zstd of 2^%d states, where 2^%d are the most".formatted(log, largestLog));
    }
    int remaining = 1 << log;
    int symbol = 0;
    while (remaining > 0) {
      if (symbol >= most) {
        throw in.wrong("is broken: a table of zstd with more than %d symbols".formatted(most));
      }
      int width = 32 - Integer.numberOfLeadingZeros(remaining + 1);
      int lower = (1 << width - 1) - 1;
      int threshold = (1 << width) - 1 - (remaining + 1);
      int value = data.read(width - 1);
      if (value >= threshold) {
        value |= data.read(1) << width - 1;
        value = value > lower ? value - threshold : value;
      }
      int count = value - 1;
      remaining -= Math.abs(count);
      counts[symbol++] = count;
      for (int repeat = count == 0 ? 3 : 0; repeat == 3;) {
        repeat = data.read(2);
        symbol += repeat;
      }
    }
    if (remaining != 0) {
      throw in.wrong("is broken: a table of zstd with more states than it has");
    }
    return of(in, log, Arrays.copyOf(counts, Math.min(symbol, most)));
  }

  int next(int state, BackwardBits data) {
    return bases[state] + data.read(bits[state]);
  }

  /** Bits from the lowest of each byte on; what is left of the last byte is passed over. */
  private static final class ForwardBits {
    private final Input in;
    private int held;
    private int count;

    ForwardBits(Input in) {
      this.in = in;
    }

    int read(int wanted) {
      while (count < wanted) {
        held |= in.u8() << count;
        count += 8;
      }
      int value = held & (1 << wanted) - 1;
      held >>>= wanted;
      count -= wanted;
      return value;
    }
  }
}
