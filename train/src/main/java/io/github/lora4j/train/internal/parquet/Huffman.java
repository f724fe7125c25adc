package io.github.lora4j.train.internal.parquet;

import java.util.Arrays;

/** A table of zstd's Huffman codes: by the next bits, as many as the longest code has, a symbol and the length of its code. */
record Huffman(int log, byte[] symbols, byte[] lengths) {

  private static final int LONGEST = 11;
  private static final int SYMBOLS = 256;

  /** Reads the description of a table. */
  static Huffman read(Input in) {
    int header = in.u8();
    int[] weights = new int[SYMBOLS];
    int count;
    if (header >= 128) {
      count = header - 127;
      for (int i = 0; i < count; i += 2) {
        int both = in.u8();
        weights[i] = both >> 4;
        weights[i + 1] = both & 15;
      }
      Arrays.fill(weights, count, SYMBOLS, 0);
    } else {
      byte[] bytes = in.bytes(header);
      Input part = Input.of(in.where(), bytes);
      Fse table = Fse.read(part, LONGEST + 2, 6);
      count = weights(in, table, new BackwardBits(in, bytes, part.position(), bytes.length), weights);
    }
    return of(in, weights, count);
  }

  /** Two states take turns; when the bits of one run out, the other has the last symbol. */
  private static int weights(Input in, Fse table, BackwardBits data, int[] weights) {
    int[] states = {data.read(table.log()), data.read(table.log())};
    int count = 0;
    for (int turn = 0;; turn ^= 1) {
      if (count > SYMBOLS - 3) {
        throw in.wrong("is broken: a Huffman table of more than %d symbols".formatted(SYMBOLS));
      }
      weights[count++] = table.symbols()[states[turn]];
      states[turn] = table.next(states[turn], data);
      if (data.left() < 0) {
        weights[count++] = table.symbols()[states[turn ^ 1]];
        return count;
      }
    }
  }

  /** The last symbol's weight is what is missing to a power of two. */
  private static Huffman of(Input in, int[] weights, int count) {
    int sum = 0;
    for (int i = 0; i < count; i++) {
      sum += weights[i] > 0 ? 1 << weights[i] - 1 : 0;
    }
    int log = 32 - Integer.numberOfLeadingZeros(sum);
    int left = (1 << log) - sum;
    if (sum == 0 || log > LONGEST || Integer.bitCount(left) != 1) {
      throw in.wrong("is broken: a Huffman table whose codes do not fill it");
    }
    weights[count] = 32 - Integer.numberOfLeadingZeros(left);
    byte[] symbols = new byte[1 << log];
    byte[] lengths = new byte[1 << log];
    int at = 0;
    for (int weight = 1; weight <= log; weight++) {
      for (int s = 0; s <= count; s++) {
        if (weights[s] == weight) {
          int end = at + (1 << weight - 1);
          Arrays.fill(symbols, at, end, (byte) s);
          Arrays.fill(lengths, at, end, (byte) (log + 1 - weight));
          at = end;
        }
      }
    }
    return new Huffman(log, symbols, lengths);
  }

  /** Reads so many symbols of a stream, which are all of them. */
  void decode(BackwardBits data, byte[] to, int from, int end) {
    for (int i = from; i < end; i++) {
      int code = data.peek(log);
      to[i] = symbols[code];
      data.skip(lengths[code]);
    }
    data.requireEnd();
  }
}
