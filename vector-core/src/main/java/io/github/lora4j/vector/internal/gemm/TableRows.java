package io.github.lora4j.vector.internal.gemm;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.internal.Elementwise;
import io.github.lora4j.vector.internal.LabelState;
import io.github.lora4j.vector.internal.Operands;
import io.github.lora4j.vector.internal.Rows;
import io.github.lora4j.vector.internal.Simd;
import io.github.lora4j.vector.internal.blocks.RowDecoder;
import java.lang.foreign.MemorySegment;

/**
 * Lookups of rows in tables as they are stored or as a product packed them, and what the end of a softmax over words takes from its row. Contracts
 * are those of {@code Kernels}.
 */
public final class TableRows {

  private TableRows() {}

  public static void gather(Kernels.Table table, MemorySegment ids, MemorySegment addend, MemorySegment out, int cols, int from, int to) {
    long bytes = cols * 4L;
    for (int i = from; i < to; i++) {
      int id = Operands.id(ids, i);
      if (id == -1) {
        begin(addend, out, i * bytes, bytes);
      } else {
        row(table, id, addend, out, i, cols);
      }
    }
  }

  /** out[i] = table[id] (+ addend[i]). */
  public static void row(Kernels.Table table, int id, MemorySegment addend, MemorySegment out, int i, int cols) {
    if (!(table.format() instanceof Elements stored)) {
      gatherBlocks(table, id, addend, out, i, cols);
    } else if (table.packed() > 0 && VectorGemms.inPanels(stored)) {
      begin(addend, out, i * cols * 4L, cols * 4L);
      VectorGemms.addRow(table, id, out, i, cols);
    } else {
      gatherElements(table, stored, id, addend, out, i, cols);
    }
  }

  /** out = addend, or 0. */
  private static void begin(MemorySegment addend, MemorySegment out, long row, long bytes) {
    if (Operands.absent(addend)) {
      Simd.zero(out, row, bytes);
    } else {
      MemorySegment.copy(addend, row, out, row, bytes);
    }
  }

  private static void gatherElements(Kernels.Table table, Elements stored, int id, MemorySegment addend, MemorySegment out, int i, int cols) {
    long bytes = cols * 4L;
    if (stored.type() != DType.F32) {
      begin(addend, out, i * bytes, bytes);
      addStored(table.rows(), stored, (long) id * cols, out, (long) i * cols, cols);
    } else if (Operands.absent(addend)) {
      MemorySegment.copy(table.rows(), id * bytes, out, i * bytes, bytes);
    } else {
      Rows.sumRow(addend, i * bytes, table.rows(), id * bytes, out, i * bytes, bytes);
    }
  }

  /** Floats of scratch that a row of blocks is decoded to: it ends with a whole granule, which may be more than fits the row. */
  public static int decodedFloats(WeightFormat format, int cols) {
    int granule = RowDecoder.of(format).granule();
    return (cols + granule - 1) / granule * granule;
  }

  private static void gatherBlocks(Kernels.Table table, int id, MemorySegment addend, MemorySegment out, int i, int cols) {
    long bytes = cols * 4L;
    RowDecoder.of(table.format()).decode(table.rows(), id * WeightFormats.rowBytes(table.format(), cols), 0, cols, table.scratch(), 0);
    if (Operands.absent(addend)) {
      MemorySegment.copy(table.scratch(), 0, out, i * bytes, bytes);
    } else {
      Rows.sumRow(addend, i * bytes, table.scratch(), 0, out, i * bytes, bytes);
    }
  }

  private static void addStored(MemorySegment table, Elements storage, long at, MemorySegment out, long outAt, int cols) {
    for (int j = 0; j < cols; j++) {
      float sum = out.getAtIndex(JAVA_FLOAT, outAt + j) + (float) storage.get(table, at + j);
      out.setAtIndex(JAVA_FLOAT, outAt + j, sum);
    }
  }

  public static void labelSoftmaxEnd(Kernels.LabelSoftmax s, Kernels.Table weight, MemorySegment labelRow, double scale, MemorySegment y,
      MemorySegment likeliest, int from, int to) {
    for (int i = from; i < to; i++) {
      int label = LabelState.label(s, i);
      boolean labelled = label >= 0;
      y.setAtIndex(JAVA_FLOAT, i, labelled ? (float) LabelState.logProbability(s, i) : 0);
      likeliest.setAtIndex(JAVA_FLOAT, i, (float) LabelState.get(s, i, LabelState.LIKELIEST));
      if (!Operands.absent(s.sums())) {
        long at = (long) i * s.width() * 4;
        if (labelled) {
          float mean = (float) (-scale / LabelState.get(s, i, LabelState.SUM));
          row(weight, label, MemorySegment.NULL, labelRow, 0, s.width());
          Elementwise.scale(s.sums(), mean, s.sums(), at / 4, at / 4 + s.width());
          Rows.addScaled((float) (scale * LabelState.get(s, i, LabelState.SLOPE)), labelRow, 0, s.sums(), at, s.width() * 4L);
        } else {
          Simd.zero(s.sums(), at, s.width() * 4L);
        }
      }
    }
  }
}
