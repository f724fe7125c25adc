package io.github.lora4j.train.internal.parquet;

import java.util.ArrayList;
import java.util.List;

/** The values of a page that are there, one after another. */
interface Values {

  Object next();

  /**
   * The values of a data page.
   *
   * @param encoding the format's number of it
   * @param most values that the page has at most
   * @param dictionary of the column's chunk; empty without one
   */
  static Values of(int encoding, Input in, Kind kind, int most, List<Object> dictionary) {
    return switch (encoding) {
      case 0 -> plain(in, kind);
      case 2, 8 -> chosen(in, dictionary);
      case 3 -> flags(in, kind);
      case 5 -> numbers(in, kind, most);
      case 6 -> texts(in, kind, most);
      case 7 -> endings(in, kind, most);
      case 9 -> throw in.wrong("is encoded as BYTE_STREAM_SPLIT, which is not read; write the file with another encoding");
      default -> throw in.wrong("is encoded by number %d, which is not read".formatted(encoding));
    };
  }

  /** The values of a dictionary. */
  static List<Object> dictionary(Input in, Kind kind, int count) {
    List<Object> all = new ArrayList<>();
    Values values = plain(in, kind);
    for (int i = 0; i < count; i++) {
      all.add(values.next());
    }
    return all;
  }

  private static Values plain(Input in, Kind kind) {
    if (kind.physical() == Kind.Physical.BOOLEAN) {
      int[] bits = {1};
      return () -> {
        bits[0] = bits[0] == 1 ? 0x100 | in.u8() : bits[0];
        boolean is = (bits[0] & 1) == 1;
        bits[0] >>>= 1;
        return is;
      };
    }
    return () -> kind.value(switch (kind.physical()) {
      case BOOLEAN -> throw new IllegalStateException("bits are read above");
      case INT32 -> in.i32();
      case INT64 -> in.i64();
      case INT96 -> in.bytes(12);
      case FLOAT -> Float.intBitsToFloat(in.i32());
      case DOUBLE -> Double.longBitsToDouble(in.i64());
      case BYTE_ARRAY -> in.bytes(in.checked("a text's length", in.i32(), in.remaining()));
      case FIXED_LEN_BYTE_ARRAY -> in.bytes(kind.length());
    }, in);
  }

  private static Values chosen(Input in, List<Object> dictionary) {
    if (in.remaining() == 0) {
      // A page of nulls alone.
      return () -> {
        throw in.wrong("is broken: it has no values");
      };
    }
    Hybrid places = new Hybrid(in, in.u8());
    return () -> {
      int place = places.next();
      if (place < 0 || place >= dictionary.size()) {
        throw in.wrong("is broken: entry %d of a dictionary of %d".formatted(place, dictionary.size()));
      }
      return dictionary.get(place);
    };
  }

  private static Values flags(Input in, Kind kind) {
    check(in, kind.physical() == Kind.Physical.BOOLEAN, kind);
    Hybrid bits = new Hybrid(in.part(in.checked("the length of booleans", in.i32(), in.remaining())), 1);
    return () -> bits.next() == 1;
  }

  private static Values numbers(Input in, Kind kind, int most) {
    boolean narrow = kind.physical() == Kind.Physical.INT32;
    check(in, narrow || kind.physical() == Kind.Physical.INT64, kind);
    Deltas deltas = new Deltas(in, most);
    return () -> {
      long value = deltas.next();
      return narrow ? kind.value((int) value, in) : kind.value(value, in);
    };
  }

  private static Values texts(Input in, Kind kind, int most) {
    check(in, kind.physical() == Kind.Physical.BYTE_ARRAY, kind);
    int[] lengths = new Deltas(in, most).all();
    int[] at = {0};
    return () -> kind.value(in.bytes(place(in, lengths, at[0]++)), in);
  }

  /** Each begins with as many bytes of the one before it as the first list of lengths says. */
  private static Values endings(Input in, Kind kind, int most) {
    check(in, kind.physical() == Kind.Physical.BYTE_ARRAY || kind.physical() == Kind.Physical.FIXED_LEN_BYTE_ARRAY, kind);
    int[] kept = new Deltas(in, most).all();
    int[] lengths = new Deltas(in, most).all();
    int[] at = {0};
    byte[][] last = {new byte[0]};
    return () -> {
      int i = at[0]++;
      int from = in.checked("a common beginning", place(in, kept, i), last[0].length);
      byte[] ending = in.bytes(place(in, lengths, i));
      if (from + (long) ending.length > Codec.LARGEST) {
        throw in.wrong("has a text of more than %d bytes".formatted(Codec.LARGEST));
      }
      byte[] whole = java.util.Arrays.copyOf(last[0], from + ending.length);
      System.arraycopy(ending, 0, whole, from, ending.length);
      last[0] = whole;
      return kind.value(whole, in);
    };
  }

  private static int place(Input in, int[] lengths, int i) {
    if (i >= lengths.length) {
      throw in.wrong("is broken: it has %d values, one more is expected".formatted(lengths.length));
    }
    return lengths[i];
  }

  private static void check(Input in, boolean fits, Kind kind) {
    if (!fits) {
      throw in.wrong("is broken: values of type %s have another encoding".formatted(kind.physical()));
    }
  }
}
