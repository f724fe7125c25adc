package io.github.lora4j.vector;

/**
 * Element types. Programs compute in {@link #F32} (or {@link #F64}, the reference); {@link #F16} and {@link #BF16} are storage
 * for frozen weights; {@link #I32} carries ids and tables; {@link #I64}, {@link #I8}, {@link #U8} and {@link #BOOL} occur in files only.
 */
public enum DType {
  /** IEEE 754 single precision, in which programs compute. */
  F32(4),
  /** IEEE 754 double precision, in which the reference can compute. */
  F64(8),
  /** IEEE 754 half precision: 5 bits of exponent, 10 of fraction. */
  F16(2),
  /** The upper half of an F32: 8 bits of exponent, 7 of fraction. */
  BF16(2),
  /** Signed, 32 bits: ids and tables. */
  I32(4),
  /** Signed, 64 bits; in files. */
  I64(8),
  /** Signed, 16 bits; in files. */
  I16(2),
  /** Signed, 8 bits; in files. */
  I8(1),
  /** Unsigned, 8 bits; in files. */
  U8(1),
  /** A byte that is 0 or 1; in files. */
  BOOL(1);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Size of one element in bytes. */
  public int bytes() {
    return bytes;
  }

  /** Whether the elements are floating-point numbers. */
  public boolean isFloat() {
    return this == F32 || this == F64 || this == F16 || this == BF16;
  }

  /** The float whose BF16 bits these are (exact: BF16 is the upper half of an F32). */
  public static float bf16ToFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** The nearest BF16, ties to even; NaN stays a NaN. */
  public static short floatToBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) (bits >>> 16 | 0x40);
    }
    return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
  }
}
