package io.github.lora4j.checkpoint.gguf;

import io.github.lora4j.vector.DType;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** How a tensor's values are stored in a GGUF file: so many values in a block of so many bytes, the blocks one behind another along the rows. */
public enum GgmlType {
  /** IEEE 754 single precision. */
  F32(0, 1, 4),
  /** IEEE 754 half precision. */
  F16(1, 1, 2),
  /** 4 bits and a scale. */
  Q4_0(2, 32, 18),
  /** 4 bits, a scale and a minimum. */
  Q4_1(3, 32, 20),
  /** 5 bits and a scale. */
  Q5_0(6, 32, 22),
  /** 5 bits, a scale and a minimum. */
  Q5_1(7, 32, 24),
  /** 8 bits and a scale. */
  Q8_0(8, 32, 34),
  /** 8 bits, a scale and a sum: a form of activations. */
  Q8_1(9, 32, 36),
  /** 2 bits in super-blocks. */
  Q2_K(10, 256, 84),
  /** 3 bits in super-blocks. */
  Q3_K(11, 256, 110),
  /** 4 bits in super-blocks. */
  Q4_K(12, 256, 144),
  /** 5 bits in super-blocks. */
  Q5_K(13, 256, 176),
  /** 6 bits in super-blocks. */
  Q6_K(14, 256, 210),
  /** 8 bits in super-blocks: a form of activations. */
  Q8_K(15, 256, 292),
  /** 2.06 bits by a table. */
  IQ2_XXS(16, 256, 66),
  /** 2.31 bits by a table. */
  IQ2_XS(17, 256, 74),
  /** 3.06 bits by a table. */
  IQ3_XXS(18, 256, 98),
  /** 1.56 bits by a table. */
  IQ1_S(19, 256, 50),
  /** 4 bits by a table of 16 levels. */
  IQ4_NL(20, 32, 18),
  /** 3.44 bits by a table. */
  IQ3_S(21, 256, 110),
  /** 2.5 bits by a table. */
  IQ2_S(22, 256, 82),
  /** 4.25 bits by a table of 16 levels. */
  IQ4_XS(23, 256, 136),
  /** Signed, 8 bits. */
  I8(24, 1, 1),
  /** Signed, 16 bits. */
  I16(25, 1, 2),
  /** Signed, 32 bits. */
  I32(26, 1, 4),
  /** Signed, 64 bits. */
  I64(27, 1, 8),
  /** IEEE 754 double precision. */
  F64(28, 1, 8),
  /** 1.75 bits by a table. */
  IQ1_M(29, 256, 56),
  /** The upper half of an F32. */
  BF16(30, 1, 2),
  /** Three levels, 1.69 bits. */
  TQ1_0(34, 256, 54),
  /** Three levels, 2.06 bits. */
  TQ2_0(35, 256, 66),
  /** 4 bits of floating point and a power of two. */
  MXFP4(39, 32, 17),
  /** 4 bits of floating point and scales of 8 bits. */
  NVFP4(40, 64, 36),
  /** Signs and a scale. */
  Q1_0(41, 128, 18);

  private final int id;
  private final int blockValues;
  private final int blockBytes;

  GgmlType(int id, int blockValues, int blockBytes) {
    this.id = id;
    this.blockValues = blockValues;
    this.blockBytes = blockBytes;
  }

  /** The type of a number in a file; empty for numbers of types that were removed, and of ones not known here. */
  public static Optional<GgmlType> of(long id) {
    return Arrays.stream(values()).filter(type -> type.id == id).findFirst();
  }

  /** The number in files. */
  public int id() {
    return id;
  }

  /** Values of a block. */
  public int blockValues() {
    return blockValues;
  }

  /** Bytes of a block. */
  public int blockBytes() {
    return blockBytes;
  }

  /** The type of elements that the values are, where a block is one of them. */
  public Optional<DType> elements() {
    return switch (this) {
      case F32 -> Optional.of(DType.F32);
      case F16 -> Optional.of(DType.F16);
      case BF16 -> Optional.of(DType.BF16);
      case F64 -> Optional.of(DType.F64);
      case I8 -> Optional.of(DType.I8);
      case I16 -> Optional.of(DType.I16);
      case I32 -> Optional.of(DType.I32);
      case I64 -> Optional.of(DType.I64);
      case Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q8_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, Q8_K, IQ2_XXS, IQ2_XS, IQ3_XXS, IQ1_S, IQ4_NL, IQ3_S, IQ2_S, IQ4_XS,
          IQ1_M, TQ1_0, TQ2_0, MXFP4, NVFP4, Q1_0 -> Optional.empty();
    };
  }

  /** The name that the format has as {@link io.github.lora4j.vector.WeightFormat}, where there is one: "q4_0". */
  public String formatName() {
    return name().toLowerCase(Locale.ROOT);
  }
}
