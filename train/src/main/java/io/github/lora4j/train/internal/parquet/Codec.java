package io.github.lora4j.train.internal.parquet;

import io.github.lora4j.vector.FormatException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;

/** How pages are compressed. */
final class Codec {

  /** Bytes of a page, or of a text: pages have about a megabyte. */
  static final int LARGEST = 1 << 28;

  private static final String[] NAMES = {"none", "snappy", "gzip", "lzo", "brotli", "lz4 (of Hadoop)", "zstd", "lz4"};

  private Codec() {}

  /**
   * Decompresses a part of a page.
   *
   * @param codec the format's number of it
   * @param size bytes that come of it
   */
  static Input open(int codec, Input packed, int size) {
    if (size < 0 || size > LARGEST) {
      throw packed.wrong("is broken: a page of %d bytes".formatted(size));
    }
    byte[] bytes = packed.bytes(packed.remaining());
    return Input.of(packed.where(), switch (codec) {
      case 0 -> bytes;
      case 1 -> checked(packed, Snappy.open(Input.of(packed.where(), bytes), size), size);
      case 2 -> checked(packed, gzip(packed, bytes, size), size);
      case 6 -> checked(packed, Zstd.open(Input.of(packed.where(), bytes), size), size);
      case 7 -> checked(packed, Lz4.open(Input.of(packed.where(), bytes), size), size);
      default -> throw unread(packed, codec);
    });
  }

  private static FormatException unread(Input in, int codec) {
    return in.wrong(("is compressed by %s, which is not read; write the file with snappy, gzip, lz4, zstd or no compression (pyarrow: "
        + "compression=\"snappy\")")
        .formatted(codec >= 0 && codec < NAMES.length ? NAMES[codec] : "codec " + codec));
  }

  private static byte[] checked(Input in, byte[] bytes, int size) {
    if (bytes.length != size) {
      throw in.wrong("is broken: a page of %d bytes where %d are expected".formatted(bytes.length, size));
    }
    return bytes;
  }

  private static byte[] gzip(Input in, byte[] bytes, int size) {
    try (InputStream stream = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
      return stream.readNBytes(size + 1);
    } catch (IOException e) {
      throw in.wrong("is broken: its gzip data cannot be decompressed (%s)".formatted(e.getMessage()));
    }
  }

  /** Output of codecs that copy from what came before. */
  static final class Output {
    private final Input in;
    private byte[] bytes;
    private final int size;
    private int at;

    Output(Input in, int size) {
      this.in = in;
      this.size = size;
      // What is written has the size it says; what is broken must not take so much before that is known.
      bytes = new byte[Math.min(size, 1 << 16)];
    }

    int position() {
      return at;
    }

    private void room(int count) {
      if (count < 0 || count > size - at) {
        throw in.wrong("is broken: a page of more than the %d bytes that are expected".formatted(size));
      }
      if (count > bytes.length - at) {
        bytes = Arrays.copyOf(bytes, (int) Math.min(size, Math.max(2L * bytes.length, at + (long) count)));
      }
    }

    void literal(int count) {
      room(count);
      byte[] some = in.bytes(count);
      System.arraycopy(some, 0, bytes, at, count);
      at += count;
    }

    /** Copies from so many bytes before, which may be fewer than are copied. */
    void copy(int back, int count) {
      if (back < 1 || back > at) {
        throw in.wrong("is broken: its compressed data points before their beginning");
      }
      room(count);
      for (int i = 0; i < count; i++) {
        bytes[at] = bytes[at - back];
        at++;
      }
    }

    byte[] bytes() {
      return bytes.length == at ? bytes : Arrays.copyOf(bytes, at);
    }
  }
}
