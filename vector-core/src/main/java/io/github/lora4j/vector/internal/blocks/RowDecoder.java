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

  /** Rows that {@link #rows} multiplies side by side. */
  int ABREAST = 4;

  /** Floats that {@link #prepare} makes of {@code k} floats; 0 where {@link #rows} is not made for rows of {@code k} values, or for this machine. */
  default int prepared(int k) {
    return 0;
  }

  /** Puts {@code k} floats in the order, and with the factors, that {@link #rows} multiplies with: once for all rows of a matrix. */
  default void prepare(MemorySegment x, long at, int k, MemorySegment prepared, long to) {
    throw new UnsupportedOperationException("rows of " + k + " values are multiplied one at a time");
  }

  /**
   * Products of four runs of rows, each {@code stride} bytes behind the one before, with prepared floats. Each product is left as a vector
   * whose lanes are to be added. Runs had better be far apart: read side by side, each from end to end, they are fetched early enough, and floats
   * and constants are loaded once for all.
   *
   * @param row where the first run begins
   * @param stride bytes from one to the next, perhaps 0
   * @param count rows of a run, at most as many as a vector has lanes
   * @param s has the prepared floats, at byte {@code prepared}
   * @param sums vectors of a run one behind another, those of the next {@link #SUMS} floats later
   */
  default void rows(MemorySegment w, long row, long stride, int count, int k, MemorySegment s, long prepared, float[] sums) {
    throw new UnsupportedOperationException("rows of " + k + " values are multiplied one at a time");
  }

  /** Floats of a run's sums: room for as many vectors as one has lanes, and for what they become while lanes are added. */
  int SUMS = 512;
}
