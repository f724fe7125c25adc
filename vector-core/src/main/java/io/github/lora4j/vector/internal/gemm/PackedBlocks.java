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
import java.lang.foreign.MemorySegment;

/** Rows of blocks as they come from a file, one behind another; both products decode what they need of them. */
record PackedBlocks(WeightFormat format) implements Packed {

  private static final int COLUMNS = RowTiles.COLUMNS;

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

  /** Columns of W decoded at a time: whole blocks, or a panel's width of small ones. */
  private int step() {
    return Math.max(COLUMNS, (format.blockValues() + COLUMNS - 1) / COLUMNS * COLUMNS);
  }

  /** Floats from a decoded row to the next: what is wanted, and what a block has before it. */
  private int stride(int columns) {
    return vectors(columns + format.blockValues() - 1) * COUNT;
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

  /** Decodes {@code count} columns from {@code column} on of some rows, and what their first block has before: so many columns are returned. */
  private int decode(MemorySegment packed, int cols, int row, int rows, int column, int count, MemorySegment scratch, long block, int stride) {
    int skipped = column % format.blockValues();
    long rowBytes = WeightFormats.rowBytes(format, cols);
    long first = (long) (column / format.blockValues()) * format.blockBytes();
    for (int i = 0; i < rows; i++) {
      format.decode(packed, (row + i) * rowBytes + first, scratch, block + bytes((long) i * stride), skipped + count);
    }
    return skipped;
  }
}
