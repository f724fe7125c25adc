package io.github.lora4j.train.internal.parquet;

/** Snappy's format without frames, as pages have it (https://github.com/google/snappy/blob/main/format_description.txt). */
final class Snappy {

  private Snappy() {}

  static byte[] open(Input in, int size) {
    int length = in.count("the size of a page", Codec.LARGEST);
    Codec.Output out = new Codec.Output(in, Math.min(length, size));
    while (in.remaining() > 0) {
      int tag = in.u8();
      int upper = tag >>> 2;
      switch (tag & 3) {
        case 0 -> {
          long literal = upper < 60 ? upper : in.little(upper - 59);
          out.literal(in.checked("a literal's length", literal + 1, in.remaining()));
        }
        case 1 -> out.copy((upper >>> 3) << 8 | in.u8(), (upper & 7) + 4);
        case 2 -> out.copy((int) in.little(2), upper + 1);
        default -> out.copy(in.i32(), upper + 1); // 3: two bits have no other value
      }
    }
    return out.bytes();
  }
}
