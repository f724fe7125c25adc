package io.github.lora4j.vector;

/**
 * Element types. Programs compute in {@link #F32} (or {@link #F64}, the reference); {@link #F16} and {@link #BF16} are storage
 * for frozen weights; {@link #I32} carries ids and tables; {@link #I64}, {@link #I8}, {@link #U8} and {@link #BOOL} occur in files only.
 */
public enum DType {
  F32(4), F64(8), F16(2), BF16(2), I32(4), I64(8), I16(2), I8(1), U8(1), BOOL(1);

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
