package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;
import static io.github.lora4j.vector.internal.gemm.Lanes.vectors;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Gemm.Form;
import io.github.lora4j.vector.Memory;
import java.lang.foreign.MemorySegment;

/**
 * Panels of F32, BF16 or F16: those of the NT product, whose columns are W's rows. The NN product, whose columns are W's columns, turns them
 * at each call, piece by piece into the second cache. Products of few rows widen in registers: memory sets their pace, and that is worth tiles of
 * their own.
 */
enum PackedElements implements Packed {
  F32(DType.F32) {
    @Override
    void widen(MemorySegment source, long from, long count, MemorySegment out, long to) {
      MemorySegment.copy(source, from, out, to, bytes(count));
    }

    @Override
    void widen(MemorySegment source, long from, int count, short[] stored, float[] out) {
      MemorySegment.copy(source, Lanes.FLOAT, size() * from, out, 0, count);
    }

    @Override
    void rows(boolean single, MemorySegment a, long row0, long row1, MemorySegment b, long from, long next, int count, MemorySegment t, long tile,
        int depth) {
      if (single) {
        F32RowTiles.row(a, row0, b, from, next, count, t, tile, depth);
      } else {
        F32RowTiles.rows(a, row0, row1, b, from, next, count, t, tile, depth);
      }
    }

    @Override
    void column(MemorySegment a, long row0, MemorySegment b, long from, long stride, MemorySegment t, long tile, int depth) {
      F32RowTiles.column(a, row0, b, from, stride, t, tile, depth);
    }
  },
  BF16(DType.BF16) {
    @Override
    void widen(MemorySegment source, long from, long count, MemorySegment out, long to) {
      Copies.widenBf16(source, from, count, out, to);
    }

    @Override
    void widen(MemorySegment source, long from, int count, short[] stored, float[] out) {
      MemorySegment.copy(source, Lanes.SHORT, size() * from, stored, 0, count);
      for (int i = 0; i < count; i++) {
        out[i] = Float.intBitsToFloat(stored[i] << Short.SIZE);
      }
    }

    @Override
    void rows(boolean single, MemorySegment a, long row0, long row1, MemorySegment b, long from, long next, int count, MemorySegment t, long tile,
        int depth) {
      if (single) {
        Bf16RowTiles.row(a, row0, b, from, next, count, t, tile, depth);
      } else {
        Bf16RowTiles.rows(a, row0, row1, b, from, next, count, t, tile, depth);
      }
    }

    @Override
    void column(MemorySegment a, long row0, MemorySegment b, long from, long stride, MemorySegment t, long tile, int depth) {
      Bf16RowTiles.column(a, row0, b, from, stride, t, tile, depth);
    }
  },
  F16(DType.F16) {
    @Override
    void widen(MemorySegment source, long from, long count, MemorySegment out, long to) {
      Copies.widenF16(source, from, count, out, to);
    }

    @Override
    void widen(MemorySegment source, long from, int count, short[] stored, float[] out) {
      MemorySegment.copy(source, Lanes.SHORT, size() * from, stored, 0, count);
      for (int i = 0; i < count; i++) {
        out[i] = Float.float16ToFloat(stored[i]);
      }
    }

    /** Widening an F16 takes registers: four panels abreast do not fit. */
    @Override
    boolean single() {
      return false;
    }

    @Override
    void rows(boolean single, MemorySegment a, long row0, long row1, MemorySegment b, long from, long next, int count, MemorySegment t, long tile,
        int depth) {
      F16RowTiles.rows(a, row0, row1, b, from, next, count, t, tile, depth);
    }

    @Override
    void column(MemorySegment a, long row0, MemorySegment b, long from, long stride, MemorySegment t, long tile, int depth) {
      F16RowTiles.column(a, row0, b, from, stride, t, tile, depth);
    }
  };

  private static final int COLUMNS = RowTiles.COLUMNS;

  private final Elements elements;
  private final int size;

  PackedElements(DType type) {
    elements = new Elements(type);
    size = type.bytes();
  }

  /** Bytes of an element. */
  int size() {
    return size;
  }

  /** Widens {@code count} elements, a multiple of the vector length, to floats. */
  abstract void widen(MemorySegment source, long from, long count, MemorySegment out, long to);

  /** The same by way of arrays, from element {@code from} on. */
  abstract void widen(MemorySegment source, long from, int count, short[] stored, float[] out);

  /** Whether one row alone has tiles of its own, four panels abreast. */
  boolean single() {
    return true;
  }

  /** One row times up to four full panels, or two times two; see {@link F32RowTiles}. */
  abstract void rows(boolean single, MemorySegment a, long row0, long row1, MemorySegment b, long from, long next, int count, MemorySegment t,
      long tile, int depth);

  /** A row times one vector of a panel; see {@link F32RowTiles}. */
  abstract void column(MemorySegment a, long row0, MemorySegment b, long from, long stride, MemorySegment t, long tile, int depth);

  @Override
  public long packedBytes(int rows, int cols) {
    return Panels.elements(rows, cols) * size;
  }

  @Override
  public void pack(int rows, int cols, MemorySegment floats, MemorySegment packed) {
    pack(new Elements(DType.F32), rows, cols, floats, packed);
  }

  @Override
  public void packStored(int rows, int cols, MemorySegment blocks, MemorySegment packed) {
    pack(elements, rows, cols, blocks, packed);
  }

  private void pack(Elements from, int rows, int cols, MemorySegment source, MemorySegment packed) {
    for (int panel = 0; panel < Panels.count(rows); panel++) {
      if (this == F32) {
        Panels.pack(Form.NT, rows, cols, source, packed, panel);
      } else {
        narrow(from, rows, cols, source, packed, panel);
      }
    }
  }

  private void narrow(Elements from, int rows, int cols, MemorySegment source, MemorySegment packed, int panel) {
    int columns = Panels.columns(panel, rows);
    int width = vectors(columns) * COUNT;
    long first = (long) panel * COLUMNS;
    long out = Panels.start(panel, cols);
    if (from.type() == elements.type()) {
      turn(source, first * cols, columns, cols, packed, out, width);
      return;
    }
    for (int p = 0; p < cols; p++) {
      for (int j = 0; j < width; j++, out++) {
        if (j >= columns) {
          elements.set(packed, out, 0);
        } else {
          elements.set(packed, out, from.get(source, (first + j) * cols + p));
        }
      }
    }
  }

  /**
   * Turns rows of elements of two bytes, by way of arrays: a model is loaded before the second compiler has been here, and segments are slow until then.
   * Not by way of numbers: a NaN would lose its payload.
   */
  private static void turn(MemorySegment source, long from, int rows, int cols, MemorySegment packed, long out, int width) {
    short[] row = new short[cols];
    short[] turned = new short[cols * width];
    for (int j = 0; j < rows; j++) {
      MemorySegment.copy(source, Lanes.SHORT, Short.BYTES * (from + (long) j * cols), row, 0, cols);
      for (int p = 0; p < cols; p++) {
        turned[p * width + j] = row[p];
      }
    }
    MemorySegment.copy(turned, 0, packed, Lanes.SHORT, Short.BYTES * out, turned.length);
  }

  /** out[i] += row {@code id} of so many that are packed; its elements lie a panel's width apart. */
  void addRow(MemorySegment packed, int rows, int id, MemorySegment out, int i, int cols) {
    int width = vectors(Panels.columns(id / COLUMNS, rows)) * COUNT;
    long from = Panels.start(id / COLUMNS, cols) + id % COLUMNS;
    long to = bytes((long) i * cols);
    for (int p = 0; p < cols; p++) {
      long at = from + (long) p * width;
      float value = this == F32 ? packed.get(Lanes.FLOAT, bytes(at)) : (float) elements.get(packed, at);
      out.set(Lanes.FLOAT, to + bytes(p), out.get(Lanes.FLOAT, to + bytes(p)) + value);
    }
  }

  @Override
  public boolean direct(Form form) {
    return this == F32 && form == Form.NT;
  }

  /** A square block, widened. */
  @Override
  public long blockBytes(Form form, int n, int k) {
    return this == F32 || form == Form.NT ? 0 : Memory.align(bytes((long) Panels.widest(n) * Panels.widest(k)));
  }

  @Override
  public void fill(Form form, int n, int k, MemorySegment packed, int panel, int p, int length, MemorySegment scratch, long to, long block) {
    int columns = Panels.columns(panel, n);
    int width = vectors(columns) * COUNT;
    if (form == Form.NT) {
      widen(packed, (Panels.start(panel, k) + (long) p * width) * size, (long) length * width, scratch, to);
      return;
    }
    for (int done = 0; done < length; done += COLUMNS) {
      int other = (p + done) / COLUMNS;
      int rows = Panels.columns(other, k);
      int rowsWidth = vectors(rows) * COUNT;
      long from = (Panels.start(other, n) + (long) panel * COLUMNS * rowsWidth) * size;
      long at = to + bytes((long) done * width);
      if (this == F32) {
        Transpose.pack(packed, from, bytes(rowsWidth), columns, scratch, at, width, rows);
      } else {
        widen(packed, from, (long) columns * rowsWidth, scratch, block);
        Transpose.pack(scratch, block, bytes(rowsWidth), columns, scratch, at, width, rows);
      }
    }
  }
}
