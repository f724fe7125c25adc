package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;
import static io.github.lora4j.vector.internal.gemm.Lanes.vectors;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Gemm.Form;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.internal.blocks.RowDecoder;
import java.lang.foreign.MemorySegment;

/** Rows of blocks as they come from a file, one behind another; both products decode what they need of them. */
record PackedBlocks(WeightFormat format, RowDecoder decoder) implements Packed {

  private static final int COLUMNS = RowTiles.COLUMNS;
  /** Values of a row decoded at a time, where they are turned afterwards: those of a panel's rows stay in the second cache. */
  private static final int STEP = 256;

  PackedBlocks(WeightFormat format) {
    this(format, RowDecoder.of(format));
  }

  /** Whether rows are decoded in vectors: then few rows of A have a product of their own. */
  boolean fast() {
    return !decoder.plain();
  }

  @Override
  public long packedBytes(int rows, int cols) {
    return rows * WeightFormats.rowBytes(format, cols);
  }

  @Override
  public void pack(int rows, int cols, MemorySegment floats, MemorySegment packed) {
    WeightFormats.encode(format, rows, cols, new Elements(DType.F32), floats, packed);
  }

  @Override
  public void packStored(int rows, int cols, MemorySegment blocks, MemorySegment packed) {
    MemorySegment.copy(blocks, 0, packed, 0, packedBytes(rows, cols));
  }

  @Override
  public boolean direct(Form form) {
    return false;
  }

  /** Columns of W decoded at a time: whole granules, and whole panels of the transpose. */
  private int step() {
    return (Math.max(STEP, decoder.granule()) + COLUMNS - 1) / COLUMNS * COLUMNS;
  }

  /** Floats from a decoded row to the next: what is wanted, and what its granules have before it and behind. */
  private int stride(int columns) {
    return vectors(columns + 2 * decoder.granule() - 1) * COUNT;
  }

  @Override
  public long blockBytes(Form form, int n, int k) {
    return Memory.align(bytes((long) COLUMNS * stride(form == Form.NT ? step() : COLUMNS)));
  }

  @Override
  public void fill(Form form, int n, int k, MemorySegment packed, int panel, int p, int length, MemorySegment scratch, long to, long block) {
    int columns = Panels.columns(panel, n);
    int width = vectors(columns) * COUNT;
    int step = form == Form.NT ? step() : COLUMNS;
    for (int done = 0; done < length; done += step) {
      int count = Math.min(step, length - done);
      long at = to + bytes((long) done * width);
      if (form == Form.NT) {
        int stride = stride(step);
        int skipped = decode(packed, k, panel * COLUMNS, columns, p + done, count, scratch, block, stride);
        Transpose.pack(scratch, block + bytes(skipped), bytes(stride), columns, scratch, at, width, count);
      } else {
        int stride = stride(COLUMNS);
        int skipped = decode(packed, n, p + done, count, panel * COLUMNS, columns, scratch, block, stride);
        Copies.rows(scratch, block + bytes(skipped), bytes(stride), columns, scratch, at, width, count);
      }
    }
  }

  /** Decodes {@code count} columns from {@code column} on of some rows, and what their first granule has before: so many columns are returned. */
  private int decode(MemorySegment packed, int cols, int row, int rows, int column, int count, MemorySegment scratch, long block, int stride) {
    int skipped = column % decoder.granule();
    long rowBytes = WeightFormats.rowBytes(format, cols);
    for (int i = 0; i < rows; i++) {
      decoder.decode(packed, (row + i) * rowBytes, column - skipped, skipped + count, scratch, block + bytes((long) i * stride));
    }
    return skipped;
  }
}
