package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;
import static io.github.lora4j.vector.internal.gemm.Lanes.vectors;

import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;

/**
 * NT and NN: A row-major times panels of B. A task is a block of rows times a group of panels over all of k, so no two tasks share
 * an element of C and the cut may follow the number of workers. k is cut by shape alone: that cut decides the bits.
 *
 * <p>Within a task each few rows of A meet all panels of the group: the group stays in the second cache, and the rows, which come in order,
 * are found in the first by all panels but one.
 */
final class PanelGemm implements Gemm {

  private static final int ROWS = RowTiles.ROWS;
  private static final int COLUMNS = RowTiles.COLUMNS;
  /**
   * Longest piece of k. A tile costs some 350 cycles beside its loop, mostly fetching the lines of C it stores to, so the loop had better
   * be long; the pieces of a group's panels must still fit the second cache together.
   */
  private static final int DEPTH = 1024;
  /** Panels of a task. */
  private static final int GROUP_PANELS = Math.max(1, 128 / COLUMNS);
  /** Fewest rows that a block is halved to, while there are groups to halve. */
  private static final int BLOCK_ROWS = 16 * ROWS;
  /**
   * Most rows with which the next group's panels are read ahead. With more, reading them costs little beside multiplying; with 16 registers
   * multiplying is slow enough.
   */
  private static final int AHEAD_ROWS = Lanes.MANY_REGISTERS ? 256 : 0;
  /** Fewest elements of B with which they are: for smaller ones it gains less than the half second that this tile takes to compile. */
  private static final long AHEAD_ELEMENTS = 1 << 20;
  /** Bytes of A beyond which its rows are cut, so that the last cache has them for all groups but the first, while the panels stay there too. */
  private static final long LONG_ROWS = 8 << 20;
  /** Bytes of A in a block of such rows; each block makes pieces anew, which had better be rare. */
  private static final long CUT_ROWS = 4 << 20;
  private static final long CUT_ROWS_PIECES = 6 << 20;
  /** Bytes of B up to which that is better than reading A for each group. */
  private static final long FEW_PANELS = 16 << 20;
  private static final long FEW_PANELS_PIECES = 4 << 20;
  /** Smallest task worth handing to another worker, in multiply-adds. */
  private static final long TASK_WORK = 1 << 20;
  /** The tile and a word for what was read ahead. */
  private static final long TILE_BYTES = Memory.align(bytes((long) ROWS * COLUMNS) + Integer.BYTES);

  private final Spec spec;
  /** Whether tasks first make the F32 panels they multiply with, from packed ones that are narrow or those of the transpose, or from blocks. */
  private final boolean pieces;
  private final Packed weight;
  private final MemorySegment a;
  private final MemorySegment source;
  private final MemorySegment scratch;
  private final MemorySegment panels;
  private final Output output;
  private final int n;
  private final int k;
  private final int panelCount;
  private final int depth;
  private final long workerBase;
  private final long workerBytes;
  private final Workers.Task packTask = (index, worker) -> packPanel(index);
  private final Workers.Task multiplyTask = this::multiply;

  private int rows;
  private int blockRows;
  private int groupPanels;
  private int groups;

  PanelGemm(Spec spec, Operands operands, Packed weight, Output output) {
    this.spec = spec;
    this.weight = weight;
    pieces = pieces(spec, weight);
    a = operands.a();
    source = operands.b();
    scratch = operands.scratch();
    panels = spec.packed() ? source : scratch;
    this.output = output;
    n = spec.n();
    k = spec.k();
    panelCount = Panels.count(n);
    depth = depth(k);
    workerBase = liveBytes(spec);
    workerBytes = workerBytes(spec, weight);
  }

  private static boolean pieces(Spec spec, Packed weight) {
    return spec.packed() && !weight.direct(spec.form());
  }

  static long scratchBytes(Spec spec, Packed weight, int threads) {
    return liveBytes(spec) + threads * workerBytes(spec, weight);
  }

  private static long liveBytes(Spec spec) {
    return spec.packed() ? 0 : Memory.align(bytes(Panels.elements(spec.n(), spec.k())));
  }

  private static long workerBytes(Spec spec, Packed weight) {
    if (!pieces(spec, weight)) {
      return TILE_BYTES;
    }
    int panels = Math.min(GROUP_PANELS, Panels.count(spec.n()));
    return TILE_BYTES + panels * pieceBytes(spec) + weight.blockBytes(spec.form(), spec.n(), spec.k());
  }

  /** A piece of a panel in F32. */
  private static long pieceBytes(Spec spec) {
    return Memory.align(bytes((long) Math.min(spec.k(), depth(spec.k())) * Panels.widest(spec.n())));
  }

  /** Pieces of nearly equal length, whole panels of the transpose, none longer than DEPTH. */
  static int depth(int k) {
    int count = (k + DEPTH - 1) / DEPTH;
    return ((k + count - 1) / count + COLUMNS - 1) / COLUMNS * COLUMNS;
  }

  @Override
  public void run(Workers workers, int rows) {
    VectorGemms.checkRows(spec, rows);
    VectorGemms.checkSize("scratch", scratch, workerBase + workers.threads() * workerBytes);
    if (rows == 0) {
      return;
    }
    if (!spec.packed()) {
      if ((long) n * k < TASK_WORK / 16) {
        for (int i = 0; i < panelCount; i++) {
          packPanel(i);
        }
      } else {
        workers.run(panelCount, packTask);
      }
    }
    this.rows = rows;
    int tasks = cut(workers.threads());
    workers.run(tasks, multiplyTask);
  }

  /** Chooses the tasks: few, and more of them where that leaves workers idle. */
  private int cut(int threads) {
    int blocks = blocks();
    groups = (panelCount + GROUP_PANELS - 1) / GROUP_PANELS;
    if (threads > 1) {
      // Blocks of rows that make pieces make the same ones again.
      long most = Math.min((pieces ? 2L : 4L) * threads, 1 + (long) rows * n * k / TASK_WORK);
      int tiles = (rows + ROWS - 1) / ROWS;
      while ((long) blocks * groups < most && (groups < panelCount || blocks < tiles)) {
        if (groups < panelCount && (pieces || rows < 2 * blocks * BLOCK_ROWS)) {
          groups = Math.min(panelCount, groups * 2);
        } else {
          blocks = Math.min(tiles, blocks * 2);
        }
      }
    }
    blockRows = ((rows + blocks - 1) / blocks + ROWS - 1) / ROWS * ROWS;
    groupPanels = (panelCount + groups - 1) / groups;
    groups = (panelCount + groupPanels - 1) / groupPanels;
    return (rows + blockRows - 1) / blockRows * groups;
  }

  private int blocks() {
    long bytes = bytes((long) rows * k);
    if (bytes <= LONG_ROWS || panelCount <= 2 * GROUP_PANELS || bytes((long) n * k) > (pieces ? FEW_PANELS_PIECES : FEW_PANELS)) {
      return 1;
    }
    long cut = pieces ? CUT_ROWS_PIECES : CUT_ROWS;
    return (int) ((bytes + cut - 1) / cut);
  }

  private void packPanel(int index) {
    Panels.pack(spec.form(), n, k, source, panels, index);
  }

  private void multiply(int index, int worker) {
    int firstRow = index / groups * blockRows;
    int endRow = Math.min(rows, firstRow + blockRows);
    int firstPanel = index % groups * groupPanels;
    int endPanel = Math.min(panelCount, firstPanel + groupPanels);
    long tile = workerBase + worker * workerBytes;
    for (int p = 0; p < k; p += depth) {
      int length = Math.min(depth, k - p);
      for (int panel = firstPanel; panel < endPanel && pieces; panel++) {
        weight.fill(spec.form(), n, k, panels, panel, p, length, scratch, piece(tile, panel - firstPanel),
            piece(tile, Math.min(GROUP_PANELS, panelCount)));
      }
      for (int row = firstRow; row < endRow; row += ROWS) {
        int live = Math.min(ROWS, endRow - row);
        for (int panel = firstPanel; panel < endPanel; panel++) {
          if (!pieces) {
            panelTile(row, live, p, length, panel, (row - firstRow) / ROWS, tile);
          } else {
            RowTiles.run(width(panel) / COUNT, a, bytes((long) row * k + p), bytes(k), live, scratch, piece(tile, panel - firstPanel),
                scratch, tile, length);
          }
          output.store(p == 0, p + length == k, row, live, panel, width(panel), tile);
        }
      }
    }
  }

  private long piece(long tile, int index) {
    return tile + TILE_BYTES + index * pieceBytes(spec);
  }

  private int width(int panel) {
    return vectors(Panels.columns(panel, n)) * COUNT;
  }

  private void panelTile(int row, int live, int p, int length, int panel, int turn, long tile) {
    int width = width(panel);
    long from = bytes(Panels.start(panel, k) + (long) p * width);
    long in = bytes((long) row * k + p);
    long slice = (long) length * RowTiles.AHEAD;
    if (rows <= AHEAD_ROWS && (long) n * k >= AHEAD_ELEMENTS && width == COLUMNS && (turn + 1) * slice <= bytes((long) length * width)) {
      RowTiles.ahead6x4(a, in, bytes(k), live, later(panel, p, length, turn * slice, slice), panels, from, scratch, tile, length);
    } else {
      RowTiles.run(width / COUNT, a, in, bytes(k), live, panels, from, scratch, tile, length);
    }
  }

  /** A slice of the piece that takes this one's place: further along this panel, or at the start of the next group's. */
  private long later(int panel, int p, int length, long offset, long slice) {
    long start = p + length < k ? Panels.start(panel, k) + (long) (p + length) * COLUMNS
        : Panels.start((panel + groupPanels) % panelCount, k);
    return Math.min(bytes(start) + offset, bytes(Panels.elements(n, k)) - slice);
  }
}
