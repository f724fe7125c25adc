package io.github.lora4j.train.internal.parquet;

/** LZ4's format of blocks without frames (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md). */
final class Lz4 {

  private Lz4() {}

  static byte[] open(Input in, int size) {
    Codec.Output out = new Codec.Output(in, size);
    while (in.remaining() > 0) {
      int token = in.u8();
      out.literal(in.checked("a literal's length", length(in, token >>> 4), in.remaining()));
      if (in.remaining() > 0) {
        int back = (int) in.little(2);
        out.copy(back, in.checked("a copy's length", length(in, token & 15) + 4, Codec.LARGEST));
      }
    }
    return out.bytes();
  }

  private static long length(Input in, int short15) {
    long length = short15;
    for (int more = short15 == 15 ? 255 : 0; more == 255;) {
      more = in.u8();
      length += more;
    }
    return length;
  }
}
