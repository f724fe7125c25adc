package io.github.lora4j.train.internal.parquet;

import io.github.lora4j.vector.FormatException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Bytes of a part of a file, read one after another; what lies beyond their end is an error that names the part. */
final class Input {

  private final String where;
  private final byte[] bytes;
  private final int end;
  private int at;

  private Input(String where, byte[] bytes, int at, int end) {
    this.where = where;
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** All of these bytes. */
  static Input of(String where, byte[] bytes) {
    return new Input(where, bytes, 0, bytes.length);
  }

  FormatException wrong(String problem) {
    return new FormatException(where + ": " + problem);
  }

  String where() {
    return where;
  }

  int position() {
    return at;
  }

  int remaining() {
    return end - at;
  }

  private int take(int count) {
    if (count < 0 || count > end - at) {
      throw wrong("is broken: %d bytes are expected where %d are left".formatted(count, end - at));
    }
    int from = at;
    at += count;
    return from;
  }

  int u8() {
    return bytes[take(1)] & 0xFF;
  }

  /** A number of up to eight bytes, the lowest first. */
  long little(int count) {
    int from = take(count);
    long value = 0;
    for (int i = count - 1; i >= 0; i--) {
      value = value << 8 | bytes[from + i] & 0xFF;
    }
    return value;
  }

  int i32() {
    return (int) little(4);
  }

  long i64() {
    return little(8);
  }

  /** An unsigned number in groups of seven bits. */
  long varint() {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      int b = u8();
      value |= (long) (b & 0x7F) << shift;
      if (b < 0x80) {
        return value;
      }
    }
    throw wrong("is broken: a number has more than ten bytes");
  }

  /** A signed number in groups of seven bits. */
  long zigzag() {
    long value = varint();
    return value >>> 1 ^ -(value & 1);
  }

  /** A number of things, from 0 to the most there can be. */
  int count(String what, long most) {
    return checked(what, varint(), most);
  }

  int checked(String what, long count, long most) {
    if (count < 0 || count > most) {
      throw wrong("is broken: %s is %s, at most %d are possible".formatted(what, Long.toUnsignedString(count), most));
    }
    return (int) count;
  }

  byte[] bytes(int count) {
    int from = take(count);
    return Arrays.copyOfRange(bytes, from, from + count);
  }

  /** The next bytes as an input of their own. */
  Input part(int count) {
    int from = take(count);
    return new Input(where, bytes, from, from + count);
  }

  /** Whether bytes are UTF-8; if so, their text. */
  static String text(byte[] bytes) throws CharacterCodingException {
    return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
  }
}
