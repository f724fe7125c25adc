package io.github.lora4j.train.internal.parquet;

import java.util.Arrays;

/** Zstandard's format (RFC 8878), without dictionaries. Checksums of frames are passed over: pages have their own. */
final class Zstd {

  private static final int MAGIC = 0xFD2FB528;
  private static final int SKIPPED = 0x184D2A50;
  private static final int BLOCK = 1 << 17;

  private static final int[] LITERALS = {4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1,
      -1};
  private static final int[] OFFSETS = {1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1};
  private static final int[] MATCHES = {1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
      1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1};
  /** Bits behind the codes of lengths from the first that has some on; each begins where the one before ends. */
  private static final int[] LITERAL_BITS = lengths(16, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
  private static final int[] MATCH_BITS = lengths(32, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
  private static final int[] LITERAL_BASES = bases(LITERAL_BITS, 0);
  private static final int[] MATCH_BASES = bases(MATCH_BITS, 3);

  private final Input in;
  private final int size;
  private byte[] out;
  private int at;

  private Huffman huffman;
  private final Fse[] tables = new Fse[3];
  private final int[] recent = {1, 4, 8};

  private Zstd(Input in, int size) {
    this.in = in;
    this.size = size;
    huffman = new Huffman(0, new byte[0], new byte[0]);
    // What is written has the size it says; what is broken must not take so much before that is known.
    out = new byte[Math.min(size, 1 << 16)];
  }

  private static int[] lengths(int plain, int... behind) {
    int[] all = new int[plain + behind.length];
    System.arraycopy(behind, 0, all, plain, behind.length);
    return all;
  }

  private static int[] bases(int[] bits, int first) {
    int[] bases = new int[bits.length];
    for (int i = 0, base = first; i < bits.length; base += 1 << bits[i], i++) {
      bases[i] = base;
    }
    return bases;
  }

  static byte[] open(Input in, int size) {
    Zstd zstd = new Zstd(in, size);
    while (in.remaining() > 0) {
      int magic = in.i32();
      if ((magic & 0xFFFFFFF0) == SKIPPED) {
        in.bytes(in.checked("a frame's size", in.little(4), in.remaining()));
      } else if (magic == MAGIC) {
        zstd.frame();
      } else {
        throw in.wrong("is broken: no frame of zstd where one is expected");
      }
    }
    return Arrays.copyOf(zstd.out, zstd.at);
  }

  private void frame() {
    int descriptor = in.u8();
    boolean single = (descriptor & 32) != 0;
    if (!single) {
      in.u8();
    }
    if (in.little(new int[] {0, 1, 2, 4}[descriptor & 3]) != 0) {
      throw in.wrong("is compressed by zstd with a dictionary, which is not in the file");
    }
    in.little(new int[] {single ? 1 : 0, 2, 4, 8}[descriptor >> 6]);
    huffman = new Huffman(0, new byte[0], new byte[0]);
    Arrays.fill(tables, null);
    System.arraycopy(new int[] {1, 4, 8}, 0, recent, 0, 3);
    int start = at;
    boolean last = false;
    while (!last) {
      int header = (int) in.little(3);
      last = (header & 1) != 0;
      int length = header >> 3;
      switch (header >> 1 & 3) {
        case 0 -> put(in.bytes(length), 0, length);
        case 1 -> {
          byte value = (byte) in.u8();
          room(length);
          Arrays.fill(out, at, at + length, value);
          at += length;
        }
        case 2 -> block(Input.of(in.where(), in.bytes(length)), start);
        default -> throw in.wrong("is broken: a block of zstd of no kind");
      }
    }
    if ((descriptor & 4) != 0) {
      in.i32();
    }
  }

  private void room(int count) {
    if (count < 0 || count > size - at) {
      throw in.wrong("is broken: a page of more than the %d bytes that are expected".formatted(size));
    }
    if (count > out.length - at) {
      out = Arrays.copyOf(out, (int) Math.min(size, Math.max(2L * out.length, at + (long) count)));
    }
  }

  private void put(byte[] from, int first, int count) {
    room(count);
    System.arraycopy(from, first, out, at, count);
    at += count;
  }

  private void block(Input block, int start) {
    byte[] literals = literals(block);
    int count = block.u8();
    if (count >= 128) {
      count = count < 255 ? (count - 128 << 8) + block.u8() : (int) block.little(2) + 0x7F00;
    }
    int used = 0;
    if (count > 0) {
      int modes = block.u8();
      table(block, 0, modes >> 6, LITERALS, 9);
      table(block, 1, modes >> 4 & 3, OFFSETS, 8);
      table(block, 2, modes >> 2 & 3, MATCHES, 9);
      byte[] rest = block.bytes(block.remaining());
      used = sequences(count, new BackwardBits(in, rest, 0, rest.length), literals, start);
    }
    put(literals, used, literals.length - used);
  }

  private byte[] literals(Input block) {
    int first = block.u8();
    int format = first >> 2 & 3;
    if ((first & 2) == 0) {
      int length = (format & 1) == 0 ? first >> 3 : format == 1 ? (first | block.u8() << 8) >> 4 : (first | (int) block.little(2) << 8) >> 4;
      if (length > BLOCK) {
        throw in.wrong("is broken: a block of zstd of %d literals".formatted(length));
      }
      if ((first & 3) == 0) {
        return block.bytes(length);
      }
      byte[] same = new byte[length];
      Arrays.fill(same, (byte) block.u8());
      return same;
    }
    int bits = format < 2 ? 10 : format == 2 ? 14 : 18;
    long sizes = (first | block.little(format < 2 ? 2 : format + 1) << 8) >>> 4;
    int length = (int) sizes & (1 << bits) - 1;
    int packed = (int) (sizes >>> bits) & (1 << bits) - 1;
    if (length > BLOCK) {
      throw in.wrong("is broken: a block of zstd of %d literals".formatted(length));
    }
    Input data = Input.of(in.where(), block.bytes(packed));
    if ((first & 1) == 0) {
      huffman = Huffman.read(data);
    } else if (huffman.log() == 0) {
      throw in.wrong("is broken: a block of zstd without a Huffman table before it");
    }
    byte[] literals = new byte[length];
    int[] sizesOf = format == 0 ? new int[0] : new int[] {(int) data.little(2), (int) data.little(2), (int) data.little(2)};
    int each = (length + 3) / 4;
    int to = 0;
    for (int part : sizesOf) {
      int end = Math.min(length, to + each);
      huffman.decode(bits(data, part), literals, to, end);
      to = end;
    }
    huffman.decode(bits(data, data.remaining()), literals, to, length);
    return literals;
  }

  private BackwardBits bits(Input data, int count) {
    byte[] bytes = data.bytes(count);
    return new BackwardBits(in, bytes, 0, bytes.length);
  }

  private void table(Input block, int which, int mode, int[] standard, int largestLog) {
    switch (mode) {
      case 0 -> tables[which] = Fse.of(in, which == 1 ? 5 : 6, standard);
      case 1 -> {
        int symbol = block.u8();
        if (symbol >= (which == 1 ? 32 : standard.length)) {
          throw in.wrong("is broken: code %d in a block of zstd".formatted(symbol));
        }
        tables[which] = Fse.of(symbol);
      }
      case 2 -> tables[which] = Fse.read(block, which == 1 ? 32 : standard.length, largestLog);
      default -> {
        if (tables[which] == null) {
          throw in.wrong("is broken: a block of zstd without a table before it");
        }
      }
    }
  }

  /** Literals and copies in turn; how many literals they are. */
  private int sequences(int count, BackwardBits data, byte[] literals, int start) {
    Fse ofLiterals = tables[0];
    Fse ofOffsets = tables[1];
    Fse ofMatches = tables[2];
    int literalState = data.read(ofLiterals.log());
    int offsetState = data.read(ofOffsets.log());
    int matchState = data.read(ofMatches.log());
    int used = 0;
    for (int i = 0; i < count; i++) {
      int offsetCode = ofOffsets.symbols()[offsetState];
      long value = (1L << offsetCode) + Integer.toUnsignedLong(data.read(offsetCode));
      int matchCode = ofMatches.symbols()[matchState];
      int match = MATCH_BASES[matchCode] + data.read(MATCH_BITS[matchCode]);
      int literalCode = ofLiterals.symbols()[literalState];
      int literal = LITERAL_BASES[literalCode] + data.read(LITERAL_BITS[literalCode]);
      if (data.left() < 0 || literal > literals.length - used) {
        throw in.wrong("is broken: a block of zstd ends early");
      }
      put(literals, used, literal);
      used += literal;
      copy(offset(value, literal), match, start);
      if (i + 1 < count) {
        literalState = ofLiterals.next(literalState, data);
        matchState = ofMatches.next(matchState, data);
        offsetState = ofOffsets.next(offsetState, data);
      }
    }
    data.requireEnd();
    return used;
  }

  /** A distance, or which of the last three it is; without literals before it the first of them makes no sense, so they count from the second. */
  private long offset(long value, int literal) {
    int which = value > 3 ? 3 : (int) value - 1 + (literal == 0 ? 1 : 0);
    long distance = value > 3 ? value - 3 : which < 3 ? recent[which] : recent[0] - 1L;
    if (distance < 1 || distance > Codec.LARGEST) {
      throw in.wrong("is broken: a copy of zstd from %d bytes before".formatted(distance));
    }
    for (int j = Math.min(which, 2); j > 0; j--) {
      recent[j] = recent[j - 1];
    }
    recent[0] = (int) distance;
    return distance;
  }

  private void copy(long distance, int count, int start) {
    if (distance > at - start) {
      throw in.wrong("is broken: a copy from %d bytes before, where %d are".formatted(distance, at - start));
    }
    room(count);
    for (int i = 0; i < count; i++, at++) {
      out[at] = out[at - (int) distance];
    }
  }
}
