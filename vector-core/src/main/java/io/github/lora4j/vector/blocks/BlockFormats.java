package io.github.lora4j.vector.blocks;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;

/** The formats of this package that have a name in recipes, and what a loader checks. */
public final class BlockFormats implements WeightFormat.Provider {

  /** A service has a public constructor. */
  public BlockFormats() {
    // Nothing is kept.
  }

  @Override
  public List<WeightFormat> formats() {
    return Stream.concat(GgufFormat.ALL.stream(), Stream.of(FourBit.NF4, FourBit.FP4, Int8Rows.INT8)).map(WeightFormat.class::cast).toList();
  }

  /**
   * Looks at the scales of all blocks of a matrix: one that is not a number would make every result none.
   *
   * @param what file and tensor, for the message
   * @throws FormatException that names the first row and block whose scale is infinite or not a number
   */
  public static void requireFinite(WeightFormat format, int rows, int cols, MemorySegment blocks, String what) {
    int perRow = WeightFormats.rowBlocks(format, cols);
    for (long i = 0; i < (long) rows * perRow; i++) {
      if (!finite(format, blocks, i * format.blockBytes())) {
        long first = i % perRow * format.blockValues();
        throw new FormatException(("%s: a scale of row %d, values %d to %d, is infinite or not a number (%s); the file is damaged, or was made from a "
            + "model that was").formatted(what, i / perRow, first, Math.min(cols, first + format.blockValues()) - 1, format.name()));
      }
    }
  }

  private static boolean finite(WeightFormat format, MemorySegment blocks, long at) {
    return switch (format) {
      case GgufFormat gguf -> gguf.finite(blocks, at);
      case FourBit _ -> Float.isFinite(blocks.get(JAVA_FLOAT_UNALIGNED, at));
      case Int8Rows _ -> Float.isFinite(Byte.MAX_VALUE * blocks.get(JAVA_FLOAT_UNALIGNED, at));
      // Elements have no scales, and what a module brings is its own to check.
      default -> true;
    };
  }
}
