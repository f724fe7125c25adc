package io.github.lora4j.vector.internal.blocks;

import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.blocks.FourBit;
import io.github.lora4j.vector.blocks.GgufFormat;
import io.github.lora4j.vector.blocks.Int8Rows;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Decodes ranges of rows of blocks. */
public interface RowDecoder {

  /** Made once for each format that is met; looking one up allocates nothing. */
  Map<WeightFormat, RowDecoder> KNOWN = new ConcurrentHashMap<>();

  /** The fastest there is for a format. */
  static RowDecoder of(WeightFormat format) {
    RowDecoder known = KNOWN.get(format);
    return known != null ? known : KNOWN.computeIfAbsent(format, RowDecoder::made);
  }

  private static RowDecoder made(WeightFormat format) {
    if (Lane.FEW) {
      return new PlainDecoder(format);
    }
    return switch (format) {
      case GgufFormat gguf -> gguf(gguf);
      case FourBit four when four.shared() % Lane.CHUNK == 0 && four.blockValues() % (2 * Lane.CHUNK) == 0 -> new FourBitDecoder(four);
      case Int8Rows rows when rows.blockValues() % Lane.CHUNK == 0 -> new Int8Decoder(rows);
      default -> new PlainDecoder(format);
    };
  }

  private static RowDecoder gguf(GgufFormat format) {
    return switch (format.name()) {
      case "q8_0" -> new Q80Decoder();
      case "q4_0", "q4_1", "iq4_nl", "mxfp4" -> new NibbleDecoder(format);
      case "iq4_xs" -> new Iq4XsDecoder();
      case "q5_0", "q5_1" -> new Q5Decoder(format);
      case "q4_k" -> new Q4KDecoder();
      case "q5_k" -> new Q5KDecoder();
      case "q6_k" -> new Q6KDecoder();
      case "q2_k" -> new Q2KDecoder();
      case "q3_k" -> new Q3KDecoder();
      default -> new PlainDecoder(format);
    };
  }

  /** Ranges begin at multiples of this. */
  int granule();

  /**
   * Writes {@code count} values of the row that begins at {@code row}, from value {@code from} on, and whatever else is in their last granule.
   *
   * @param from a multiple of {@link #granule}
   */
  void decode(MemorySegment blocks, long row, int from, int count, MemorySegment floats, long to);

  /** Whether this is the format's own code, one value after another. */
  default boolean plain() {
    return false;
  }

  /** Whether {@link #dot} is faster than decoding first. */
  default boolean dots() {
    return false;
  }

  /**
   * The product of a whole row with floats, decoded in registers.
   *
   * @param count a multiple of {@link #granule}
   */
  default float dot(MemorySegment blocks, long row, int count, MemorySegment x, long at) {
    throw new UnsupportedOperationException("this row is decoded first");
  }
}
