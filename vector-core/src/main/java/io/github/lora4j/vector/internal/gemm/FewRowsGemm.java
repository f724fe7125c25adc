package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;
import static io.github.lora4j.vector.internal.gemm.Lanes.vectors;

import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;

/**
 * NT with a packed operand and, at the moment, few rows, as when text is generated: bound by the reading of the panels, which
 * come from memory once, in order and from end to end, and are widened in registers. Three and four rows are two passes over a piece, the
 * second from the second cache. With more rows it is {@link PanelGemm}, whose bits these are.
 */
final class FewRowsGemm implements Gemm {

  /** Most rows that are done here. */
  static final int ROWS = 4;
  /** Panels abreast for one row; half of them for two, whose sums are as many. */
  private static final int PANELS = 4;
  private static final int COLUMNS = RowTiles.COLUMNS;
  /** Smallest task worth handing to another worker, in multiply-adds: some microseconds of reading. */
  private static final long TASK_WORK = 1 << 15;
  private static final long TILE_BYTES = Memory.align(bytes((long) PANELS * COLUMNS));

  private final Spec spec;
  private final PackedElements weight;
  private final Gemm many;
  private final MemorySegment a;
  private final MemorySegment panels;
  private final MemorySegment scratch;
  private final Output output;
  private final int n;
  private final int k;
  private final int panelCount;
  private final int depth;
  private final Workers.Task task = this::multiply;

  private int rows;
  private int taskPanels;
  private boolean single;

  FewRowsGemm(Spec spec, Operands operands, PackedElements weight, Gemm many, Output output) {
    this.spec = spec;
    this.many = many;
    this.weight = weight;
    a = operands.a();
    panels = operands.b();
    scratch = operands.scratch();
    this.output = output;
    n = spec.n();
    k = spec.k();
    panelCount = Panels.count(n);
    depth = PanelGemm.depth(k);
  }

  static boolean suits(Spec spec) {
    return spec.packed() && spec.form() == Form.NT;
  }

  static long scratchBytes(int threads) {
    return threads * TILE_BYTES;
  }

  @Override
  public void run(Workers workers, int rows) {
    if (rows > ROWS || rows <= 0) {
      many.run(workers, rows);
      return;
    }
    VectorGemms.checkRows(spec, rows);
    VectorGemms.checkSize("scratch", scratch, scratchBytes(workers.threads()));
    this.rows = rows;
    // Otherwise the second row is for nothing.
    single = rows == 1 && weight.single();
    long most = workers.threads() == 1 ? 1 : Math.min(4L * workers.threads(), 1 + (long) n * k / TASK_WORK);
    int share = (int) ((panelCount + most - 1) / most);
    // Where there are few panels, tasks of equal size matter more than panels abreast.
    taskPanels = share < PANELS ? share : (share + PANELS - 1) / PANELS * PANELS;
    workers.run((panelCount + taskPanels - 1) / taskPanels, task);
  }

  private void multiply(int index, int worker) {
    int first = index * taskPanels;
    int end = Math.min(panelCount, first + taskPanels);
    int full = Math.min(end, n / COLUMNS);
    long tile = worker * TILE_BYTES;
    int abreast = single ? PANELS : PANELS / 2;
    for (int panel = first; panel < full; panel += abreast) {
      int count = Math.min(abreast, full - panel);
      for (int p = 0; p < k; p += depth) {
        for (int row = 0; row < rows; row += 2) {
          full(panel, count, p, row, tile);
        }
      }
    }
    if (full < end) {
      last(full, tile);
    }
  }

  /** A piece of k of some panels, and one row or two. */
  private void full(int panel, int count, int p, int row, long tile) {
    int length = Math.min(depth, k - p);
    long from = (Panels.start(panel, k) + (long) p * COLUMNS) * weight.size();
    long next = Panels.start(1, k) * weight.size();
    long left = bytes((long) row * k + p);
    int live = Math.min(2, rows - row);
    long second = left + (live - 1) * bytes(k);
    weight.rows(single, a, left, second, panels, from, next, count, scratch, tile, length);
    for (int i = 0; i < count; i++) {
      output.store(p == 0, p + depth >= k, row, live, panel + i, COLUMNS, tile + i * (single ? 1 : 2) * bytes(COLUMNS));
    }
  }

  /** The panel that is not full, a vector and a row at a time. */
  private void last(int panel, long tile) {
    int width = vectors(Panels.columns(panel, n)) * COUNT;
    long stride = (long) width * weight.size();
    for (int p = 0; p < k; p += depth) {
      long from = Panels.start(panel, k) * weight.size() + p * stride;
      for (int row = 0; row < rows; row++) {
        for (int v = 0; v < width; v += COUNT) {
          weight.column(a, bytes((long) row * k + p), panels, from + (long) v * weight.size(), stride, scratch, tile + bytes(v),
              Math.min(depth, k - p));
        }
        output.store(p == 0, p + depth >= k, row, 1, panel, width, tile);
      }
    }
  }
}
