package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;
import static io.github.lora4j.vector.internal.gemm.Lanes.vectors;

import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * NT with packed elements by short loops over arrays, which the first compiler makes fast within milliseconds, and the second soon after: what a JVM
 * that has just started multiplies with. Each element is one chain of fused multiply-adds over ascending depth, as in {@link RowTiles}, so the
 * bits are those of {@link FewRowsGemm} and {@link PanelGemm}.
 */
final class PlainGemm implements Gemm {

  /** Rows whose sums are kept while a panel is widened. */
  private static final int ROWS = 8;
  /** Rows of a panel that are widened at a time. */
  private static final int DEPTH = 64;
  private static final int COLUMNS = RowTiles.COLUMNS;
  private static final long TILE_BYTES = Memory.align(bytes((long) ROWS * COLUMNS));

  private final Spec spec;
  private final PackedElements weight;
  private final MemorySegment a;
  private final MemorySegment panels;
  private final MemorySegment scratch;
  private final Output output;
  private final int n;
  private final int k;
  private final int depth;
  private final Workers.Task task = this::multiply;

  private int rows;
  private @Nullable Copies[] copies = {};

  /** Of one worker. */
  private static final class Copies {
    private final float[] row = new float[DEPTH];
    private final short[] stored = new short[DEPTH * COLUMNS];
    private final float[] panel = new float[DEPTH * COLUMNS];
    private final float[] sums = new float[ROWS * COLUMNS];
  }

  PlainGemm(Spec spec, Operands operands, PackedElements weight, Output output) {
    this.spec = spec;
    this.weight = weight;
    a = operands.a();
    panels = operands.b();
    scratch = operands.scratch();
    this.output = output;
    n = spec.n();
    k = spec.k();
    depth = PanelGemm.depth(k);
  }

  static long scratchBytes(int threads) {
    return threads * TILE_BYTES;
  }

  @Override
  public void run(Workers workers, int rows) {
    VectorGemms.checkRows(spec, rows);
    VectorGemms.checkSize("scratch", scratch, scratchBytes(workers.threads()));
    if (copies.length != workers.threads()) {
      copies = new Copies[workers.threads()];
    }
    this.rows = rows;
    workers.run(rows == 0 ? 0 : Panels.count(n), task);
  }

  private void multiply(int panel, int worker) {
    Copies own = copies[worker];
    if (own == null) {
      own = new Copies();
      copies[worker] = own;
    }
    int width = vectors(Panels.columns(panel, n)) * COUNT;
    for (int row = 0; row < rows; row += ROWS) {
      int live = Math.min(ROWS, rows - row);
      for (int p = 0; p < k; p += depth) {
        int length = Math.min(depth, k - p);
        Arrays.fill(own.sums, 0, live * width, 0f);
        for (int done = 0; done < length; done += DEPTH) {
          piece(own, panel, width, row, live, p + done, Math.min(DEPTH, length - done));
        }
        long tile = worker * TILE_BYTES;
        MemorySegment.copy(own.sums, 0, scratch, Lanes.FLOAT, tile, live * width);
        output.store(p == 0, p + length == k, row, live, panel, width, tile);
      }
    }
  }

  /** Adds rows [p, p + length) of a panel, each multiplied with what the rows of A have there. */
  private void piece(Copies own, int panel, int width, int row, int live, int p, int length) {
    weight.widen(panels, Panels.start(panel, k) + (long) p * width, length * width, own.stored, own.panel);
    for (int r = 0; r < live; r++) {
      MemorySegment.copy(a, Lanes.FLOAT, bytes((long) (row + r) * k + p), own.row, 0, length);
      for (int i = 0; i < length; i++) {
        add(own.row[i], own.panel, i * width, own.sums, r * width, width);
      }
    }
  }

  private static void add(float x, float[] panel, int from, float[] sums, int to, int width) {
    for (int j = 0; j < width; j++) {
      sums[to + j] = Math.fma(x, panel[from + j], sums[to + j]);
    }
  }
}
