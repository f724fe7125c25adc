package io.github.lora4j.tokenizer.internal.json;

import io.github.lora4j.vector.FormatException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;

/** Reads the fields of a message of Protocol Buffers, one by one. */
public final class Protobuf {

  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;

  private final Path file;
  private final ByteBuffer in;
  private int field;
  private int wire;

  private Protobuf(Path file, ByteBuffer in) {
    this.file = file;
    this.in = in.order(ByteOrder.LITTLE_ENDIAN);
  }

  /** The message that is the file. */
  public static Protobuf of(Path file) {
    return new Protobuf(file, ByteBuffer.wrap(Inputs.bytes(file)));
  }

  /** Goes to the next field; false at the end. Its value must be taken. */
  public boolean next() {
    if (!in.hasRemaining()) {
      return false;
    }
    long key = varint();
    field = (int) (key >>> 3);
    wire = (int) (key & 7);
    return true;
  }

  /** The field's number. */
  public int field() {
    return field;
  }

  /** The field's value as a message. */
  public Protobuf message() {
    return new Protobuf(file, ByteBuffer.wrap(bytes()));
  }

  /** The field's value as bytes. */
  public byte[] bytes() {
    expect(BYTES);
    long length = varint();
    require(length);
    byte[] bytes = new byte[(int) length];
    in.get(bytes);
    return bytes;
  }

  /** The field's value as a number; negative ones are those of 32 bits. */
  public int number() {
    expect(VARINT);
    return (int) varint();
  }

  /** The field's value as a number of single precision. */
  public float real() {
    expect(FIXED32);
    require(4);
    return in.getFloat();
  }

  /** Leaves the value. */
  public void skip() {
    switch (wire) {
      case VARINT -> varint();
      case FIXED64 -> take(8);
      case BYTES -> take(varint());
      case FIXED32 -> take(4);
      default -> throw broken("has a field of kind " + wire);
    }
  }

  private void take(long count) {
    require(count);
    in.position(in.position() + (int) count);
  }

  private void require(long count) {
    if (count < 0 || count > in.remaining()) {
      throw broken("ends within a field of " + count + " bytes");
    }
  }

  private void expect(int kind) {
    if (wire != kind) {
      throw broken("has field " + field + " as kind " + wire + ", expected " + kind);
    }
  }

  private long varint() {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      require(1);
      byte b = in.get();
      value |= (long) (b & 0x7F) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw broken("has a number of more than ten bytes");
  }

  /** What is wrong with the file. */
  public FormatException broken(String problem) {
    return new FormatException(file + ": is no sentencepiece model, or a broken one: " + problem);
  }
}
