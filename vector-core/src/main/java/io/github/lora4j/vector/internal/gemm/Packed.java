package io.github.lora4j.vector.internal.gemm;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Gemm.Form;
import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;

/**
 * How a frozen weight W [rows, cols] of some format lies in memory, once for the NT and the NN product, and how pieces of F32 panels are made from
 * it.
 */
sealed interface Packed permits PackedElements, PackedBlocks {

  static Packed of(WeightFormat format) {
    if (format instanceof Elements elements) {
      if (elements.type() == DType.F32) {
        return PackedElements.F32;
      } else if (elements.type() == DType.BF16) {
        return PackedElements.BF16;
      } else if (elements.type() == DType.F16) {
        return PackedElements.F16;
      }
    }
    return new PackedBlocks(format);
  }

  /** Bytes that W takes. */
  long packedBytes(int rows, int cols);

  /** Packs W from dense rows of floats. */
  void pack(int rows, int cols, MemorySegment floats, MemorySegment packed);

  /** Packs W from rows of the format itself; the bits are kept. */
  void packStored(int rows, int cols, MemorySegment blocks, MemorySegment packed);

  /** Whether tiles read what a product of this form needs where it lies. */
  boolean direct(Form form);

  /** Scratch of {@link #fill} beside the piece. */
  long blockBytes(Form form, int n, int k);

  /**
   * Fills rows [p, p + length) of one F32 panel of a product.
   *
   * @param p a multiple of the columns of a panel
   * @param block see {@link #blockBytes}
   */
  void fill(Form form, int n, int k, MemorySegment packed, int panel, int p, int length, MemorySegment scratch, long to, long block);
}
