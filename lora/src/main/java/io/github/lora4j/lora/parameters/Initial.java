package io.github.lora4j.lora.parameters;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.internal.Matrix;
import io.github.lora4j.lora.internal.Qr;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Philox;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** What a trainable holds before the first step. Random values depend on seed, name and position only, not on order, threads or JVM. */
public sealed interface Initial {

  /** The base checkpoint's value or, for a head the checkpoint does not have, the model's own initialisation. */
  Initial FROM_BASE = new FromBase();

  /** All zero. */
  Initial ZEROS = new Zeros();

  /** All one. */
  Initial ONES = new Ones();

  /** See {@link #ONES}. */
  record Ones() implements Initial {}

  /** See {@link #FROM_BASE}. */
  record FromBase() implements Initial {}

  /** See {@link #ZEROS}. */
  record Zeros() implements Initial {}

  /**
   * The norms of a base weight's outputs, which DoRA's magnitudes start from; filled where the base model is at hand.
   *
   * @param norm as in {@link Adapter#baseNorms}
   */
  record OfNorm(BaseNorm norm) implements Initial {}

  /**
   * Rows of a base weight, which trained tokens start from; filled where the base model is at hand.
   *
   * @param rows as in {@link Adapter#baseRows}
   */
  record OfRows(BaseRows rows) implements Initial {}

  /** What {@link BaseStart} computes from the base weight; filled where the base model is at hand. */
  record OfBase() implements Initial {}

  /**
   * A or B of a pair whose product is zero: a tenth of normal numbers times every other row of one random orthogonal matrix.
   *
   * @param module what both are keyed by
   * @param rank even
   * @param b whether this is B [out, rank], from the odd rows; otherwise A [rank, in]
   */
  record Orthogonal(String module, int rank, boolean b) implements Initial {}

  /** Uniform in [-bound, bound]. */
  record Uniform(double bound) implements Initial {}

  /** Normal around zero. */
  record Normal(double std) implements Initial {}

  /**
   * Fills F32 memory; {@link #FROM_BASE} leaves it alone.
   *
   * @param name the slot's name, which the random values are keyed by
   */
  default void fill(String name, long seed, MemorySegment target) {
    switch (this) {
      case FromBase _, OfNorm _, OfRows _, OfBase _ -> { }
      case Orthogonal orthogonal -> orthogonal(orthogonal, name, seed, target);
      case Zeros _ -> target.fill((byte) 0);
      case Ones _ -> {
        for (long i = 0; i < target.byteSize() / Float.BYTES; i++) {
          target.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
        }
      }
      case Uniform uniform -> draw(name, seed, target, (u, _) -> uniform.bound * (2 * u - 1));
      // Box and Muller; StrictMath, for Math's results may differ between JVMs.
      case Normal normal -> draw(name, seed, target, (u, v) ->
          normal.std * StrictMath.sqrt(-2 * StrictMath.log(u)) * StrictMath.cos(2 * Math.PI * v));
    }
  }

  private static void orthogonal(Orthogonal of, String name, long seed, MemorySegment target) {
    Matrix q = Qr.of(normal(of.module, seed, of.rank, of.rank)).q();
    Matrix half = Matrix.zeros(of.rank / 2, of.rank);
    for (int i = 0; i < half.rows(); i++) {
      System.arraycopy(q.data(), (2 * i + (of.b ? 1 : 0)) * of.rank, half.data(), i * of.rank, of.rank);
    }
    int other = Math.toIntExact(target.byteSize() / Float.BYTES / of.rank);
    Matrix result = normal(name, seed, other, of.rank / 2).times(half);
    Matrix tenth = result.plus(-0.9, result);
    (of.b ? tenth : tenth.transpose()).store(target);
  }

  private static Matrix normal(String name, long seed, int rows, int cols) {
    try (Memory memory = new Memory("random matrix")) {
      MemorySegment values = memory.allocate((long) rows * cols * Float.BYTES, name);
      new Normal(1).fill(name, seed, values);
      return Matrix.of(rows, cols, values);
    }
  }

  private static void draw(String name, long seed, MemorySegment target, java.util.function.DoubleBinaryOperator value) {
    int[] random = new int[4];
    int key = Graph.siteHash(name);
    long elements = target.byteSize() / Float.BYTES;
    for (long i = 0; i < elements; i++) {
      if ((i & 1) == 0) {
        // "INIT" keeps these counters apart from those of dropout.
        Philox.generate((int) (i >>> 1), (int) (i >>> 33), key, 0x494E4954, (int) seed, (int) (seed >>> 32), random);
      }
      int at = (int) (i & 1) * 2;
      target.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) value.applyAsDouble(unit(random[at]), unit(random[at + 1])));
    }
  }

  /** The middle of one of 2³² equal parts of (0, 1). */
  private static double unit(int bits) {
    return ((bits & 0xFFFFFFFFL) + 0.5) * 0x1p-32;
  }
}
