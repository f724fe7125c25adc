package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.FLOAT;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;
import static io.github.lora4j.vector.internal.gemm.Lanes.vectors;

import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;

/**
 * TN: C += α·Aᵀ·B over the live rows, as for the gradients of weights, LoRA's A and B among them. A block of rows of both operands is read
 * once in order, which brings it from memory at memory's pace. The left one's is then packed into pieces of eight columns, the right one's
 * multiplied where it lies, strip by strip.
 *
 * <p>A task is a part of C and a slice of the rows. C that is small has several slices, each with sums of its own that are added up in
 * order; where C is large, sums go to C directly. Slices and blocks are cut by the shape alone, so the bits do not depend on the
 * number of workers. Where C is narrow and not large the roles change and the sums are added to C transposed.
 */
final class StripGemm implements Gemm {

  private static final int ROWS = StripTiles.ROWS;
  private static final int COLUMNS = StripTiles.COLUMNS;
  /** Most rows summed at a time. */
  private static final int DEPTH = 384;
  /** Fewest, however wide the right operand. */
  private static final int SHALLOW = 96;
  /** With one or two tiles to a strip memory sets the pace: a block of the right operand then stays in the second cache. */
  private static final long BLOCK_BYTES = 512 << 10;
  /** Most rows of C in a task: what is packed of the left operand then stays in the second cache. */
  private static final int BLOCK_TILES = 256 / ROWS;
  /** Most strips in a task: a block of the right operand stays in the last cache. */
  private static final int GROUP_STRIPS = 4096 / COLUMNS;
  /** Fewest strips that a task is halved to: each task packs the left operand anew. */
  private static final int FEW_STRIPS = 384 / COLUMNS;
  private static final int SLICES = 16;
  /** Tiles of C that make a task; where C has enough of those, fewer slices do. */
  private static final int TASK_TILES = 8;
  private static final int TASKS = 64;
  /** Most bytes of sums that are kept apart from C. */
  private static final long SUMS_BYTES = 4 << 20;
  /** Bytes of all slices' sums up to which one worker adds them up. */
  private static final long SMALL_SUMS = 256 << 10;
  /** Smallest task worth handing to another worker, in multiply-adds. */
  private static final long TASK_WORK = 1 << 18;
  private static final long TILE_BYTES = bytes((long) ROWS * COLUMNS);

  private final Spec spec;
  private final boolean swapped;
  private final boolean apart;
  private final MemorySegment left;
  private final MemorySegment right;
  private final MemorySegment c;
  private final MemorySegment scratch;
  private final int m;
  private final int n;
  private final float alpha;
  private final int tileRows;
  private final int strips;
  /** Rows summed at a time; with the slices it decides the bits. */
  private final int depth;
  private final int sliceRows;
  private final long sliceBytes;
  private final long workerBase;
  private final long workerBytes;
  private final Workers.Task sumTask = this::sum;
  private final Workers.Task addTask = (index, worker) -> addStrip(index);

  private int rows;
  private int blockTiles;
  private int blocks;
  private int groupStrips;
  private int groups;
  private int slices;

  StripGemm(Spec spec, Operands operands) {
    this.spec = spec;
    apart = apart(spec);
    swapped = swapped(spec);
    left = swapped ? operands.b() : operands.a();
    right = swapped ? operands.a() : operands.b();
    m = swapped ? spec.n() : spec.m();
    n = swapped ? spec.m() : spec.n();
    c = operands.c();
    scratch = operands.scratch();
    alpha = (float) spec.alpha();
    tileRows = tileRows(m);
    strips = strips(n);
    sliceRows = sliceRows(spec);
    int most = depth(m, n);
    depth = Math.min(most, part(sliceRows, Math.max(1, count(sliceRows, most))));
    sliceBytes = sliceBytes(spec);
    workerBase = workerBase(spec);
    workerBytes = workerBytes(spec);
  }

  static long scratchBytes(Spec spec, int threads) {
    return workerBase(spec) + threads * workerBytes(spec);
  }

  private static int tileRows(int m) {
    return (m + ROWS - 1) / ROWS;
  }

  private static int strips(int n) {
    return (n + COLUMNS - 1) / COLUMNS;
  }

  private static boolean narrow(Spec spec) {
    return 2L * spec.n() <= spec.m();
  }

  private static boolean apart(Spec spec) {
    return sliceBytes(spec) <= SUMS_BYTES;
  }

  /** Whether the columns of C become the tile's rows: adding sums transposed takes long, so only where few are, and once. */
  private static boolean swapped(Spec spec) {
    return apart(spec) && narrow(spec);
  }

  /** An even number of slices, equally long; one where C alone makes enough tasks. */
  private static int sliceRows(Spec spec) {
    long tiles = sliceBytes(spec) / TILE_BYTES;
    int most = (int) Math.clamp(TASKS * TASK_TILES / tiles, 1, SLICES);
    int depth = depth(swapped(spec) ? spec.n() : spec.m(), swapped(spec) ? spec.m() : spec.n());
    int blocks = count(spec.rows(), depth);
    return most == 1 || blocks <= 1 ? spec.rows() : part(spec.rows(), Math.min(most, (blocks + 1) / 2 * 2));
  }

  /** The length of {@code count} nearly equal parts. */
  private static int part(int rows, int count) {
    return ((rows + count - 1) / count + 31) / 32 * 32;
  }

  private static int count(int rows, int sliceRows) {
    return (rows + sliceRows - 1) / sliceRows;
  }

  private static long sliceBytes(Spec spec) {
    boolean narrow = narrow(spec);
    return (long) tileRows(narrow ? spec.n() : spec.m()) * strips(narrow ? spec.m() : spec.n()) * TILE_BYTES;
  }

  private static long workerBase(Spec spec) {
    return apart(spec) ? count(spec.rows(), Math.max(1, sliceRows(spec))) * sliceBytes(spec) : 0;
  }

  /**
   * The left operand in pieces, a strip that ends within a vector, a word for what is read ahead, and the tile of one block: a kernel that
   * also loads its sums is one that the first compiler refuses, and the second may never get to it.
   */
  private static long workerBytes(Spec spec) {
    int m = swapped(spec) ? spec.n() : spec.m();
    return seen(m) + Memory.align(Float.BYTES) + TILE_BYTES;
  }

  /** Most rows of this product summed at a time. */
  private static int depth(int m, int n) {
    return m > 2 * ROWS ? DEPTH : (int) Math.clamp(BLOCK_BYTES / bytes(n) / 32 * 32, SHALLOW, DEPTH);
  }

  private static long edge(int m) {
    return bytes((long) DEPTH * Math.min(BLOCK_TILES, tileRows(m)) * ROWS);
  }

  private static long seen(int m) {
    return edge(m) + bytes((long) DEPTH * COLUMNS);
  }

  @Override
  public void run(Workers workers, int rows) {
    VectorGemms.checkRows(spec, rows);
    VectorGemms.checkSize("scratch", scratch, scratchBytes(spec, workers.threads()));
    if (rows == 0) {
      return;
    }
    this.rows = rows;
    int slices = count(rows, sliceRows);
    cut(workers.threads(), slices);
    workers.run(slices * blocks * groups, sumTask);
    if (apart) {
      this.slices = slices;
      if (slices * sliceBytes < SMALL_SUMS) {
        for (int j = 0; j < strips; j++) {
          addStrip(j);
        }
      } else {
        workers.run(strips, addTask);
      }
    }
  }

  private void addStrip(int j) {
    int floats = ROWS * vectors(columns(j)) * COUNT;
    for (int i = 0; i < tileRows; i++) {
      for (int slice = 1; slice < slices; slice++) {
        Epilogue.addRow(scratch, slice * sliceBytes + tile(i, j), 1, floats, scratch, tile(i, j), 0);
      }
      add(i, j, tile(i, j));
    }
  }

  /** Chooses the parts of C: few, and more of them where that leaves workers idle. */
  private void cut(int threads, int slices) {
    blocks = (tileRows + BLOCK_TILES - 1) / BLOCK_TILES;
    groups = (strips + GROUP_STRIPS - 1) / GROUP_STRIPS;
    if (threads > 1) {
      long most = Math.min(2L * threads, 1 + (long) rows * n * m / TASK_WORK);
      while ((long) slices * blocks * groups < most && (groups < strips || blocks < tileRows)) {
        if (groups < strips && (strips >= 2 * groups * FEW_STRIPS || blocks == tileRows)) {
          groups = Math.min(strips, groups * 2);
        } else {
          blocks = Math.min(tileRows, blocks * 2);
        }
      }
    }
    blockTiles = (tileRows + blocks - 1) / blocks;
    blocks = (tileRows + blockTiles - 1) / blockTiles;
    groupStrips = (strips + groups - 1) / groups;
    groups = (strips + groupStrips - 1) / groupStrips;
  }

  private void sum(int index, int worker) {
    int slice = index / (blocks * groups);
    int firstTile = index / groups % blocks * blockTiles;
    int endTile = Math.min(tileRows, firstTile + blockTiles);
    int firstStrip = index % groups * groupStrips;
    int endStrip = Math.min(strips, firstStrip + groupStrips);
    long sums = slice * sliceBytes;
    long block = workerBase + worker * workerBytes;
    int first = slice * sliceRows;
    int end = Math.min(rows, first + sliceRows);
    for (int p = first; p < end; p += depth) {
      int length = Math.min(depth, end - p);
      float seen = touch(right, n, p, length, firstStrip * COLUMNS, Math.min(n, endStrip * COLUMNS))
          + touch(left, m, p, length, firstTile * ROWS, Math.min(m, endTile * ROWS));
      scratch.set(FLOAT, block + seen(m), seen);
      for (int i = firstTile; i < endTile; i++) {
        Copies.eights(left, bytes((long) p * m + i * ROWS), bytes(m), Math.min(ROWS, m - i * ROWS), scratch, piece(block, i - firstTile, length),
            length);
      }
      for (int j = firstStrip; j < endStrip; j++) {
        strip(j, p, length, firstTile, endTile, sums, p == first, block);
      }
    }
  }

  private static long piece(long block, int tile, int length) {
    return block + bytes((long) tile * ROWS * length);
  }

  private void strip(int j, int p, int length, int firstTile, int endTile, long sums, boolean first, long block) {
    int columns = columns(j);
    int width = vectors(columns) * COUNT;
    long fresh = block + workerBytes - TILE_BYTES;
    MemorySegment b = right;
    long from = bytes((long) p * n + j * COLUMNS);
    long stride = bytes(n);
    if (columns < width) {
      long edge = block + edge(m);
      Copies.rows(right, from, bytes(n), columns, scratch, edge, width, length);
      b = scratch;
      from = edge;
      stride = bytes(width);
    }
    for (int i = firstTile; i < endTile; i++) {
      long to = apart && first ? sums + tile(i, j) : fresh;
      StripTiles.run(width / COUNT, scratch, piece(block, i - firstTile, length), stride, b, from, scratch, to, length);
      if (!apart) {
        add(i, j, fresh);
      } else if (!first) {
        Epilogue.addRow(scratch, fresh, 1, ROWS * width, scratch, sums + tile(i, j), 0);
      }
    }
  }

  /** Reads a line at a time in order: along the strips and pieces the processor does not foresee what comes next. */
  private static float touch(MemorySegment x, int cols, int p, int length, int first, int end) {
    if (end - first == cols) {
      return read(x, bytes((long) p * cols), bytes((long) length * cols));
    }
    float sum = 0;
    for (int i = p; i < p + length; i++) {
      sum += read(x, bytes((long) i * cols + first), bytes(end - first));
    }
    return sum;
  }

  private static float read(MemorySegment x, long from, long bytes) {
    float sum = 0;
    for (int at = 0; at < (int) bytes; at += 64) {
      sum += x.get(FLOAT, from + at);
    }
    return sum;
  }

  private int columns(int j) {
    return Math.min(COLUMNS, n - j * COLUMNS);
  }

  private long tile(int i, int j) {
    return ((long) i * strips + j) * TILE_BYTES;
  }

  private void add(int i, int j, long tile) {
    int columns = columns(j);
    int width = vectors(columns) * COUNT;
    int live = Math.min(ROWS, m - i * ROWS);
    if (swapped) {
      Epilogue.addTransposed(scratch, tile, width, live, columns, alpha, c, bytes((long) j * COLUMNS * m + i * ROWS), bytes(m));
    } else {
      long to = bytes((long) i * ROWS * n + j * COLUMNS);
      Epilogue.storeAdd(scratch, tile, width, live, columns, alpha, c, to, bytes(n), c, to, bytes(n));
    }
  }
}
