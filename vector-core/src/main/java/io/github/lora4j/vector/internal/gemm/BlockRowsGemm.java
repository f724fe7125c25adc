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
import jdk.incubator.vector.IntVector;

/**
 * NT with rows of blocks and, at the moment, few rows of A, as when text is generated: each row of W is read once from memory, decoded in registers
 * and multiplied along the row. Four rows are done side by side that lie a fourth of the task apart, where the decoder can
 * ({@link RowDecoder#rows}); otherwise one, in registers for one row of A, by way of the first cache for more. A sum is one of products along
 * the row, in several lanes, so its last bits differ from those of {@link PanelGemm}, which runs with more rows; they do not depend on the
 * workers.
 */
final class BlockRowsGemm implements Gemm {

  /** Most rows that are done here. */
  private static final int ROWS = 4;
  private static final int COLUMNS = RowTiles.COLUMNS;
  /** Smallest task worth handing to another worker, in multiply-adds: some microseconds. */
  private static final long TASK_WORK = 1 << 15;
  private static final long TILE_BYTES = Memory.align(bytes((long) ROWS * COLUMNS));
  private static final int ABREAST = RowDecoder.ABREAST;
  private static final int SUMS = RowDecoder.SUMS;
  private static final IntVector EVEN = IntVector.zero(Simd.I).addIndex(2);
  private static final IntVector ODD = EVEN.add(1);

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
  /** Floats that are prepared of a row of A; 0 where rows of W are done one by one. */
  private final int prepared;
  private final Workers.Task task = this::multiply;

  private int rows;
  private int taskPanels;
  /** For each worker; on the heap, since the compiler then knows that what the loop stores is nothing that it reads. */
  private float[][] sums = new float[0][];

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
    prepared = decoder.prepared(k);
    registers = decoder.dots() && k % decoder.granule() == 0;
  }

  private static long workerBytes(PackedBlocks weight, int k) {
    RowDecoder decoder = weight.decoder();
    return decoder.prepared(k) > 0 ? ABREAST * TILE_BYTES
        : TILE_BYTES + Memory.align(bytes(vectors(k + decoder.granule()) * (long) COUNT));
  }

  static long scratchBytes(PackedBlocks weight, int k, int threads) {
    return ROWS * Memory.align(bytes(weight.decoder().prepared(k))) + threads * workerBytes(weight, k);
  }

  /** Where the prepared row {@code i} of A lies, before what belongs to workers. */
  private long prepared(int i) {
    return i * Memory.align(bytes(prepared));
  }

  @Override
  public void run(Workers workers, int rows) {
    if (rows > ROWS || rows <= 0) {
      many.run(workers, rows);
      return;
    }
    VectorGemms.checkRows(spec, rows);
    VectorGemms.checkSize("scratch", scratch, prepared(ROWS) + workers.threads() * workerBytes);
    this.rows = rows;
    if (prepared > 0 && sums.length < workers.threads()) {
      sums = new float[workers.threads()][ABREAST * SUMS];
    }
    for (int i = 0; i < rows && prepared > 0; i++) {
      decoder.prepare(a, bytes((long) i * k), k, scratch, prepared(i));
    }
    int panels = Panels.count(n);
    long most = workers.threads() == 1 ? 1 : Math.min(4L * workers.threads(), 1 + (long) n * k / TASK_WORK);
    int share = (int) ((panels + most - 1) / most);
    taskPanels = prepared == 0 || share < ABREAST ? share : (share + ABREAST - 1) / ABREAST * ABREAST;
    workers.run((panels + taskPanels - 1) / taskPanels, task);
  }

  private void multiply(int index, int worker) {
    int first = index * taskPanels;
    int end = Math.min(Panels.count(n), first + taskPanels);
    long tile = prepared(ROWS) + worker * workerBytes;
    if (prepared == 0) {
      for (int panel = first; panel < end; panel++) {
        oneByOne(panel, tile);
      }
      return;
    }
    int length = (Math.min(end, n / COLUMNS) - first) / ABREAST;
    for (int i = 0; i < length; i++) {
      abreast(first + i, length, tile, sums[worker]);
    }
    for (int panel = first + length * ABREAST; panel < end; panel++) {
      quarters(panel, tile, sums[worker]);
    }
  }

  private void oneByOne(int panel, long tile) {
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

  /** Four panels, {@code distance} apart. */
  private void abreast(int panel, int distance, long tile, float[] sums) {
    for (int j = 0; j < COLUMNS; j += COUNT) {
      for (int i = 0; i < rows; i++) {
        long to = tile + bytes((long) i * COLUMNS + j);
        products(panel * COLUMNS + j, distance * COLUMNS, COUNT, i, sums);
        for (int s = 0; s < ABREAST; s++) {
          copy(sums, s, to + s * TILE_BYTES, COUNT);
        }
      }
    }
    for (int s = 0; s < ABREAST; s++) {
      output.store(true, true, 0, rows, panel + s * distance, COLUMNS, tile + s * TILE_BYTES);
    }
  }

  /** One panel, by quarters; what is left of it, up to three rows, four times the same. */
  private void quarters(int panel, long tile, float[] sums) {
    int columns = Panels.columns(panel, n);
    int quarter = columns / ABREAST;
    for (int i = 0; i < rows; i++) {
      long to = tile + bytes((long) i * COLUMNS);
      if (quarter > 0) {
        products(panel * COLUMNS, quarter, quarter, i, sums);
        for (int s = 0; s < ABREAST; s++) {
          copy(sums, s, to + bytes((long) s * quarter), quarter);
        }
      }
      if (columns % ABREAST > 0) {
        products(panel * COLUMNS + ABREAST * quarter, 0, columns % ABREAST, i, sums);
        copy(sums, 0, to + bytes((long) ABREAST * quarter), columns % ABREAST);
      }
    }
    output.store(true, true, 0, rows, panel, COLUMNS, tile);
  }

  private void copy(float[] sums, int run, long to, int count) {
    MemorySegment.copy(sums, run * SUMS + 2 * (COUNT - 1) * COUNT, scratch, FLOAT, to, count);
  }

  /** Products of row {@code i} of A with {@code count} rows of W from {@code first} on, and as many after each distance. */
  private void products(int first, int distance, int count, int i, float[] sums) {
    decoder.rows(blocks, first * rowBytes, distance * rowBytes, count, k, scratch, prepared(i), sums);
    for (int s = 0; s < ABREAST; s++) {
      addLanes(sums, s * SUMS);
    }
  }

  /** Adds the lanes of as many vectors as one has lanes: neighbours, then the neighbours among these, until the last vector has the sums in order. */
  private static void addLanes(float[] sums, int at) {
    for (int i = 0; i < COUNT - 1; i++) {
      IntVector one = FloatVector.fromArray(SPECIES, sums, at + 2 * i * COUNT).reinterpretAsInts();
      IntVector two = FloatVector.fromArray(SPECIES, sums, at + (2 * i + 1) * COUNT).reinterpretAsInts();
      EVEN.selectFrom(one, two).reinterpretAsFloats().add(ODD.selectFrom(one, two).reinterpretAsFloats()).intoArray(sums, at + (COUNT + i) * COUNT);
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
