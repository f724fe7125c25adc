package io.github.lora4j.vector.blocks;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * The block formats of GGUF files. A block is what ggml calls one: its bytes go from a file to memory as they are, and decode to the bits that the
 * package {@code gguf} and ggml compute. The five oldest and MXFP4 encode to gguf's bytes too; the others look for scales that leave a small
 * error, which need not be those that llama.cpp finds.
 *
 * <p>Source: ggml's {@code ggml-common.h}; the formulas are at the constants. d and m are halves, n the bits of a value.
 */
public final class GgufFormat implements WeightFormat {

  /** d·n, n in 4 bits less 8. */
  public static final GgufFormat Q4_0 = new GgufFormat("q4_0", 2, 32, 18, Legacy::q40, Legacy::encodeQ40, 0);
  /** d·n + m, n in 4 bits. */
  public static final GgufFormat Q4_1 = new GgufFormat("q4_1", 3, 32, 20, Legacy::q41, Legacy::encodeQ41, 0, 2);
  /** d·n, n in 5 bits less 16. */
  public static final GgufFormat Q5_0 = new GgufFormat("q5_0", 6, 32, 22, Legacy::q50, Legacy::encodeQ50, 0);
  /** d·n + m, n in 5 bits. */
  public static final GgufFormat Q5_1 = new GgufFormat("q5_1", 7, 32, 24, Legacy::q51, Legacy::encodeQ51, 0, 2);
  /** d·n, n in 8 bits. */
  public static final GgufFormat Q8_0 = new GgufFormat("q8_0", 8, 32, 34, Legacy::q80, Legacy::encodeQ80, 0);
  /** (d·s)·n − (m·t), n in 2 bits, s and t in 4 bits for 16 values. */
  public static final GgufFormat Q2_K = new GgufFormat("q2_k", 10, 256, 84, KBlocks::q2k, KEncoders::q2k, 80, 82);
  /** (d·s)·n, n in 3 bits less 4, s in 6 bits less 32 for 16 values. */
  public static final GgufFormat Q3_K = new GgufFormat("q3_k", 11, 256, 110, KBlocks::q3k, KEncoders::q3k, 108);
  /** (d·s)·n − (m·t), n in 4 bits, s and t in 6 bits for 32 values. */
  public static final GgufFormat Q4_K = new GgufFormat("q4_k", 12, 256, 144, KBlocks::q4k, KEncoders::q4k, 0, 2);
  /** (d·s)·n − (m·t), n in 5 bits, s and t in 6 bits for 32 values. */
  public static final GgufFormat Q5_K = new GgufFormat("q5_k", 13, 256, 176, KBlocks::q5k, KEncoders::q5k, 0, 2);
  /** (d·s)·n, n in 6 bits less 32, s in 8 bits for 16 values. */
  public static final GgufFormat Q6_K = new GgufFormat("q6_k", 14, 256, 210, KBlocks::q6k, KEncoders::q6k, 208);
  /** d·c[n], n in 4 bits, c sixteen fixed integers. */
  public static final GgufFormat IQ4_NL = new GgufFormat("iq4_nl", 20, 32, 18, Legacy::iq4nl, KEncoders::iq4nl, 0);
  /** (d·s)·c[n], s in 6 bits less 32 for 32 values. */
  public static final GgufFormat IQ4_XS = new GgufFormat("iq4_xs", 23, 256, 136, KBlocks::iq4xs, KEncoders::iq4xs, 0);
  /** 2^e·c[n], n and e in 4 and 8 bits, c the values of E2M1. */
  public static final GgufFormat MXFP4 = new GgufFormat("mxfp4", 39, 32, 17, Legacy::mxfp4, Legacy::encodeMxfp4);

  /** One value of a block. */
  @FunctionalInterface
  interface Decoder {
    float value(MemorySegment blocks, long at, int i);
  }

  /** A whole block. */
  @FunctionalInterface
  interface Encoder {
    void block(float[] values, MemorySegment blocks, long at);
  }

  /** All of them. */
  public static final List<GgufFormat> ALL = List.of(Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, MXFP4);

  private final String name;
  private final int typeId;
  private final int blockValues;
  private final int blockBytes;
  private final Decoder decoder;
  private final Encoder encoder;
  private final int[] scales;

  private GgufFormat(String name, int typeId, int blockValues, int blockBytes, Decoder decoder, Encoder encoder, int... scales) {
    this.name = name;
    this.typeId = typeId;
    this.blockValues = blockValues;
    this.blockBytes = blockBytes;
    this.decoder = decoder;
    this.encoder = encoder;
    this.scales = scales;
  }

  /** The format of a type's number in a GGUF file; none for elements (F32, F16, BF16 and the like) and for types that are not read. */
  public static Optional<GgufFormat> ofType(int typeId) {
    return ALL.stream().filter(format -> format.typeId == typeId).findFirst();
  }

  /** The type's number in GGUF files. */
  public int typeId() {
    return typeId;
  }

  /** ggml's name in small letters. */
  @Override
  public String name() {
    return name;
  }

  @Override
  public int blockValues() {
    return blockValues;
  }

  @Override
  public int blockBytes() {
    return blockBytes;
  }

  @Override
  public void decode(MemorySegment blocks, long at, MemorySegment floats, long to, int count) {
    for (int i = 0; i < count; i++) {
      float value = decoder.value(blocks, at + (long) (i / blockValues) * blockBytes, i % blockValues);
      floats.set(JAVA_FLOAT_UNALIGNED, to + (long) i * Float.BYTES, value);
    }
  }

  @Override
  public void encode(MemorySegment floats, long from, MemorySegment blocks, long at, int count) {
    float[] values = new float[blockValues];
    for (int first = 0; first < count; first += blockValues) {
      for (int i = 0; i < blockValues; i++) {
        values[i] = first + i < count ? floats.get(JAVA_FLOAT_UNALIGNED, from + (long) (first + i) * Float.BYTES) : 0;
      }
      encoder.block(values, blocks, at + (long) (first / blockValues) * blockBytes);
    }
  }

  /** Whether the scales of a block are numbers; any other byte is. */
  boolean finite(MemorySegment blocks, long at) {
    for (int scale : scales) {
      if (!Float.isFinite(Bits.half(blocks, at + scale))) {
        return false;
      }
    }
    // E8M0 has one NaN.
    return this != MXFP4 || Bits.u8(blocks, at) != 255;
  }

  @Override
  public String toString() {
    return name;
  }
}
