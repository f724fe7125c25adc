package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.AttentionScratch.LINE;
import static io.github.lora4j.vector.internal.AttentionScratch.MAX;
import static io.github.lora4j.vector.internal.AttentionScratch.P;
import static io.github.lora4j.vector.internal.AttentionScratch.Q;
import static io.github.lora4j.vector.internal.AttentionScratch.QUERIES;
import static io.github.lora4j.vector.internal.AttentionScratch.SHRINK;
import static io.github.lora4j.vector.internal.AttentionScratch.TILE;
import static io.github.lora4j.vector.internal.AttentionScratch.TOTAL;
import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.F;
import static io.github.lora4j.vector.internal.Simd.LANES;
import static io.github.lora4j.vector.internal.Simd.ORDER;
import static io.github.lora4j.vector.internal.Simd.all;
import static io.github.lora4j.vector.internal.Simd.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LE;

import io.github.lora4j.vector.AttentionSpec;
import java.lang.foreign.MemorySegment;

/**
 * Attention of one head and segment as small products over a block of queries and a tile of keys, with the running softmax of
 * FlashAttention (Dao et al. 2022): scores exist for one tile at a time. Contracts are those of {@code Kernels}.
 */
public final class Attention {

  private Attention() {}

  /** Bytes that both directions need. */
  public static long scratchBytes(AttentionSpec spec, int maxKeys, int distances) {
    return AttentionScratch.end(AttentionScratch.row(spec.headDim()), maxKeys, spec.softCap() > 0)
        + AttentionDistances.bytes(spec, maxKeys, distances);
  }

  public static void forward(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, AttentionSpec.Bias bias,
      MemorySegment out, MemorySegment lse, int qStart, int qLength, int kStart, int kLength, int positionOffset, int head,
      MemorySegment scratch) {
    if (qLength == 1 && !bias.present() && !bias.vectors()) {
      OneQuery.forward(spec, q, k, v, out, lse, qStart, kStart, kLength, positionOffset, head, scratch);
      return;
    }
    int cols = spec.headDim();
    long row = AttentionScratch.row(cols);
    long keys = AttentionScratch.keyRows(0, row, kLength);
    long values = AttentionScratch.keyRows(1, row, kLength);
    AttentionScores.loadKeys(spec, k, kStart, kLength, head * spec.kvHeads() / spec.heads(), scratch, keys);
    AttentionScores.loadKeys(spec, v, kStart, kLength, head * spec.kvHeads() / spec.heads(), scratch, values);
    if (bias.vectors()) {
      AttentionDistances.read(spec, bias, scratch, qLength, kLength, positionOffset, head);
    }
    long sumT = AttentionScratch.sumT(row);
    long from = AttentionScratch.from(row, kLength);
    for (int i = 0; i < qLength; i += QUERIES) {
      int queries = Math.min(QUERIES, qLength - i);
      int vectors = (queries + LANES - 1) / LANES;
      AttentionScores.loadQueries(spec, q, qStart + i, queries, head, spec.scale(), scratch, Q, AttentionScratch.qT(row));
      int position = i + positionOffset;
      int begin = AttentionScores.begin(spec, position, kLength);
      int visible = AttentionScores.visible(spec, scratch, from, position, queries, kLength);
      fill(scratch, MAX, Float.NEGATIVE_INFINITY);
      fill(scratch, TOTAL, 0);
      if (visible <= begin) {
        Simd.zero(scratch, sumT, QUERIES * row);
      }
      for (int first = begin; first < visible; first += TILE) {
        int tile = Math.min(TILE, visible - first);
        AttentionScores.scores(scratch, keys + first * row, row, cols, AttentionScratch.qT(row), P, tile, vectors);
        if (bias.vectors()) {
          AttentionDistances.addScores(spec, bias, scratch, P, first, tile, i, vectors, qLength, kLength);
        }
        if (spec.softCap() > 0) {
          AttentionScores.cap(scratch, P, spec.softCap(), tile, vectors, -1);
        }
        if (bias.present()) {
          AttentionScores.addBias(spec, bias, head, scratch, AttentionScratch.bias(row, kLength), P, first - position, tile, vectors);
        }
        if (spec.ends()) {
          AttentionScores.hide(spec, scratch, P, first, from, position, queries, kLength, AttentionScores.pad(tile), vectors);
        }
        for (int lanes = 0; lanes < vectors; lanes++) {
          softmax(scratch, tile, first > begin, lanes * (long) BYTES);
        }
        if (first > begin) {
          scaleLines(scratch, sumT, (int) (row / 4), vectors);
        }
        Tiles.run(scratch, (int) (row / 4), vectors, tile, values + first * row, 4, row, P, LINE, first > begin, sumT, LINE);
      }
      for (int j = 0; j < queries; j++) {
        float total = scratch.get(JAVA_FLOAT, TOTAL + 4 * j);
        scratch.set(JAVA_FLOAT, SHRINK + 4 * j, total == 0 ? 0 : 1 / total);
        lse.setAtIndex(JAVA_FLOAT, (long) (qStart + i + j) * spec.heads() + head,
            (float) (scratch.get(JAVA_FLOAT, MAX + 4 * j) + Math.log(total)));
      }
      scaleLines(scratch, sumT, (int) (row / 4), vectors);
      writeQueries(spec, scratch, -1, out, qStart + i, queries, head);
    }
  }

  /**
   * Writes the sums of the block as rows.
   *
   * @param others place of rows, {@link AttentionSpec#scale} times which are added; −1: there are none
   */
  static void writeQueries(AttentionSpec spec, MemorySegment scratch, long others, MemorySegment to, int start, int queries, int head) {
    long row = AttentionScratch.row(spec.headDim());
    long stride = spec.heads() * spec.headDim() * 4L;
    Squares.transpose(scratch, AttentionScratch.sumT(row), LINE, (int) (row / BYTES), (queries + LANES - 1) / LANES, scratch, Q, row);
    if (others >= 0) {
      for (long at = 0; at < queries * row; at += BYTES) {
        store(Simd.load(scratch, others + at).fma(all(spec.scale()), Simd.load(scratch, Q + at)), scratch, Q + at);
      }
    }
    AttentionScratch.store(scratch, Q, row, queries, spec.headDim(), to, start * stride + head * spec.headDim() * 4L, stride);
  }

  /** Multiplies lines by SHRINK. */
  static void scaleLines(MemorySegment s, long lines, int count, int vectors) {
    for (int lanes = 0; lanes < vectors; lanes++) {
      long lane = lanes * (long) BYTES;
      var factor = fromMemorySegment(F, s, SHRINK + lane, ORDER);
      for (int j = 0; j < count; j++) {
        fromMemorySegment(F, s, lines + j * LINE + lane, ORDER).mul(factor).intoMemorySegment(s, lines + j * LINE + lane, ORDER);
      }
    }
  }

  /**
   * Raises MAX; makes SHRINK what sums shrink by, and scales TOTAL; turns the scores of one tile and one vector of queries to exponentials,
   * and adds them to TOTAL. All in one method on purpose: C2 compiles one of more than 325 bytes for itself.
   * Parts of it were inlined into the loop over tiles, which with
   * a bias or a window has no room for them all, and vectors that went to the rest became objects.
   */
  private static void softmax(MemorySegment s, int keys, boolean again, long lanes) {
    var before = fromMemorySegment(F, s, MAX + lanes, ORDER);
    var even = before;
    var odd = before;
    int j = 0;
    // Compare and blend, because max() spends more on NaN than on all the rest; a NaN score reaches the sum all the same.
    for (; j + 2 <= keys; j += 2) {
      var a = fromMemorySegment(F, s, P + j * LINE + lanes, ORDER);
      var b = fromMemorySegment(F, s, P + (j + 1) * LINE + lanes, ORDER);
      even = even.blend(a, a.compare(GT, even));
      odd = odd.blend(b, b.compare(GT, odd));
    }
    if (j < keys) {
      var a = fromMemorySegment(F, s, P + j * LINE + lanes, ORDER);
      even = even.blend(a, a.compare(GT, even));
    }
    var max = even.blend(odd, odd.compare(GT, even));
    // A query that sees no key yet has no maximum; with the least float in its place its exponentials are 0 and none is NaN.
    max = max.blend(-Float.MAX_VALUE, max.compare(LE, -Float.MAX_VALUE));
    max.intoMemorySegment(s, MAX + lanes, ORDER);
    var sum = fromMemorySegment(F, s, TOTAL + lanes, ORDER);
    if (again) {
      var shrink = VectorMath.expOfNegative(before.sub(max));
      shrink.intoMemorySegment(s, SHRINK + lanes, ORDER);
      sum = shrink.mul(sum);
    }
    for (j = 0; j < keys; j++) {
      var e = VectorMath.expOfNegative(fromMemorySegment(F, s, P + j * LINE + lanes, ORDER).sub(max));
      sum = sum.add(e);
      e.intoMemorySegment(s, P + j * LINE + lanes, ORDER);
    }
    sum.intoMemorySegment(s, TOTAL + lanes, ORDER);
  }

  static void fill(MemorySegment scratch, long line, float value) {
    for (long lane = 0; lane < LINE; lane += BYTES) {
      store(all(value), scratch, line + lane);
    }
  }
}
