package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.FLOAT;
import static io.github.lora4j.vector.internal.gemm.Lanes.NATIVE;
import static io.github.lora4j.vector.internal.gemm.Lanes.SPECIES;
import static io.github.lora4j.vector.internal.gemm.Lanes.WIDTH;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;
import static io.github.lora4j.vector.internal.gemm.Lanes.vectors;

import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.Workers;
import io.github.lora4j.vector.internal.Simd;
import io.github.lora4j.vector.internal.blocks.RowDecoder;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * NT with rows of blocks and, at the moment, few rows of A, as when text is generated: each row of W is read once, from end to end, and meets them
 * all, one in registers, more from the first cache. A sum is one of products along the row, in several lanes, so its last bits differ from those of
 * {@link PanelGemm}, which runs with more rows, and those of one row from those of two; they do not depend on the workers.
 */
final class BlockRowsGemm implements Gemm {

  /** Most rows that are done here. */
  private static final int ROWS = 4;
  private static final int COLUMNS = RowTiles.COLUMNS;
  /** Smallest task worth handing to another worker, in multiply-adds: some microseconds. */
  private static final long TASK_WORK = 1 << 15;
  private static final long TILE_BYTES = Memory.align(bytes((long) ROWS * COLUMNS));

  private final Spec spec;
  private final RowDecoder decoder;
  private final Gemm many;
  private final MemorySegment a;
  private final MemorySegment blocks;
  private final MemorySegment scratch;
  private final Output output;
  private final int n;
  private final int k;
  private final long rowBytes;
  private final long workerBytes;
  private final boolean registers;
  private final Workers.Task task = this::multiply;

  private int rows;
  private int taskPanels;

  BlockRowsGemm(Spec spec, Operands operands, PackedBlocks weight, Gemm many, Output output) {
    this.spec = spec;
    this.many = many;
    decoder = weight.decoder();
    a = operands.a();
    blocks = operands.b();
    scratch = operands.scratch();
    this.output = output;
    n = spec.n();
    k = spec.k();
    rowBytes = WeightFormats.rowBytes(weight.format(), k);
    workerBytes = workerBytes(weight, k);
    registers = decoder.dots() && k % decoder.granule() == 0;
  }

  private static long workerBytes(PackedBlocks weight, int k) {
    return TILE_BYTES + Memory.align(bytes(vectors(k + weight.decoder().granule()) * (long) COUNT));
  }

  static long scratchBytes(PackedBlocks weight, int k, int threads) {
    return threads * workerBytes(weight, k);
  }

  @Override
  public void run(Workers workers, int rows) {
    if (rows > ROWS || rows <= 0) {
      many.run(workers, rows);
      return;
    }
    VectorGemms.checkRows(spec, rows);
    VectorGemms.checkSize("scratch", scratch, workers.threads() * workerBytes);
    this.rows = rows;
    int panels = Panels.count(n);
    long most = workers.threads() == 1 ? 1 : Math.min(4L * workers.threads(), 1 + (long) n * k / TASK_WORK);
    taskPanels = (int) ((panels + most - 1) / most);
    workers.run((panels + taskPanels - 1) / taskPanels, task);
  }

  private void multiply(int index, int worker) {
    int end = Math.min(Panels.count(n), (index + 1) * taskPanels);
    long tile = worker * workerBytes;
    for (int panel = index * taskPanels; panel < end; panel++) {
      int columns = Panels.columns(panel, n);
      for (int j = 0; j < columns; j++) {
        long row = ((long) panel * COLUMNS + j) * rowBytes;
        if (registers && rows == 1) {
          scratch.set(FLOAT, tile + bytes(j), decoder.dot(blocks, row, k, a, 0));
        } else {
          decoded(row, tile, j);
        }
      }
      output.store(true, true, 0, rows, panel, COLUMNS, tile);
    }
  }

  private void decoded(long row, long tile, int j) {
    long values = tile + TILE_BYTES;
    decoder.decode(blocks, row, 0, k, scratch, values);
    for (int i = 0; i < rows; i++) {
      scratch.set(FLOAT, tile + bytes((long) i * COLUMNS + j), dot(scratch, values, a, bytes((long) i * k), k));
    }
  }

  private static float dot(MemorySegment w, long from, MemorySegment x, long at, int count) {
    FloatVector sum = FloatVector.zero(SPECIES);
    FloatVector other = sum;
    int pairs = count - count % (2 * COUNT);
    for (int p = 0; p < pairs; p += 2 * COUNT) {
      sum = load(w, from + p * 4L).fma(load(x, at + p * 4L), sum);
      other = load(w, from + p * 4L + WIDTH).fma(load(x, at + p * 4L + WIDTH), other);
    }
    float rest = 0;
    for (int p = pairs; p < count; p++) {
      rest = Math.fma(w.get(FLOAT, from + p * 4L), x.get(FLOAT, at + p * 4L), rest);
    }
    return Simd.sum(sum.add(other)) + rest;
  }

  private static FloatVector load(MemorySegment segment, long at) {
    return FloatVector.fromMemorySegment(SPECIES, segment, at, NATIVE);
  }
}
