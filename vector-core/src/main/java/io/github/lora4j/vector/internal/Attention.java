package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.AttentionScratch.LINE;
import static io.github.lora4j.vector.internal.AttentionScratch.MAX;
import static io.github.lora4j.vector.internal.AttentionScratch.P;
import static io.github.lora4j.vector.internal.AttentionScratch.Q;
import static io.github.lora4j.vector.internal.AttentionScratch.QUERIES;
import static io.github.lora4j.vector.internal.AttentionScratch.SEEN;
import static io.github.lora4j.vector.internal.AttentionScratch.SHRINK;
import static io.github.lora4j.vector.internal.AttentionScratch.TILE;
import static io.github.lora4j.vector.internal.AttentionScratch.TOTAL;
import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.F;
import static io.github.lora4j.vector.internal.Simd.LANES;
import static io.github.lora4j.vector.internal.Simd.ORDER;
import static io.github.lora4j.vector.internal.Simd.all;
import static io.github.lora4j.vector.internal.Simd.load;
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
  public static long scratchBytes(AttentionSpec spec, int maxKeys) {
    return AttentionScratch.end(AttentionScratch.row(spec.headDim()), maxKeys);
  }

  public static void forward(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, MemorySegment out, MemorySegment lse,
      int qStart, int qLength, int kStart, int kLength, int positionOffset, int head, MemorySegment scratch) {
    int cols = spec.headDim();
    long row = AttentionScratch.row(cols);
    long keys = AttentionScratch.keyRows(0, row, kLength);
    long values = AttentionScratch.keyRows(1, row, kLength);
    loadKeys(spec, k, kStart, kLength, head * spec.kvHeads() / spec.heads(), scratch, keys);
    loadKeys(spec, v, kStart, kLength, head * spec.kvHeads() / spec.heads(), scratch, values);
    long sumT = AttentionScratch.sumT(row);
    for (int i = 0; i < qLength; i += QUERIES) {
      int queries = Math.min(QUERIES, qLength - i);
      int vectors = (queries + LANES - 1) / LANES;
      loadQueries(spec, q, qStart + i, queries, head, spec.scale(), scratch, Q, AttentionScratch.qT(row));
      int visible = visible(spec, scratch, i, queries, positionOffset, kLength);
      fill(scratch, MAX, Float.NEGATIVE_INFINITY);
      fill(scratch, TOTAL, 0);
      if (visible == 0) {
        Simd.zero(scratch, sumT, QUERIES * row);
      }
      for (int first = 0; first < visible; first += TILE) {
        int tile = Math.min(TILE, visible - first);
        scores(scratch, keys + first * row, row, cols, AttentionScratch.qT(row), P, tile, vectors);
        if (spec.causal()) {
          hide(scratch, P, first, seen(i, positionOffset, kLength) - first, pad(tile), vectors);
        }
        for (int lanes = 0; lanes < vectors; lanes++) {
          max(scratch, tile, lanes * (long) BYTES);
          shrink(scratch, first > 0, lanes * (long) BYTES);
          exponentials(scratch, tile, lanes * (long) BYTES);
        }
        if (first > 0) {
          scaleLines(scratch, sumT, (int) (row / 4), vectors);
        }
        Tiles.run(scratch, (int) (row / 4), vectors, tile, values + first * row, 4, row, P, LINE, first > 0, sumT, LINE);
      }
      for (int j = 0; j < queries; j++) {
        float total = scratch.get(JAVA_FLOAT, TOTAL + 4 * j);
        scratch.set(JAVA_FLOAT, SHRINK + 4 * j, total == 0 ? 0 : 1 / total);
        lse.setAtIndex(JAVA_FLOAT, (long) (qStart + i + j) * spec.heads() + head,
            (float) (scratch.get(JAVA_FLOAT, MAX + 4 * j) + Math.log(total)));
      }
      scaleLines(scratch, sumT, (int) (row / 4), vectors);
      writeQueries(spec, scratch, out, qStart + i, queries, head);
    }
  }

  public static void backward(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, MemorySegment lse, MemorySegment dout,
      MemorySegment dq, MemorySegment dk, MemorySegment dv, int qStart, int qLength, int kStart, int kLength, int positionOffset, int kvHead,
      MemorySegment scratch) {
    int cols = spec.headDim();
    int group = spec.heads() / spec.kvHeads();
    long row = AttentionScratch.row(cols);
    long keys = AttentionScratch.keyRows(0, row, kLength);
    long values = AttentionScratch.keyRows(1, row, kLength);
    long dKeys = AttentionScratch.keyRows(2, row, kLength);
    long dValues = AttentionScratch.keyRows(3, row, kLength);
    long p = AttentionScratch.p(row, kLength);
    long dp = AttentionScratch.dP(row, kLength);
    long sumT = AttentionScratch.sumT(row);
    int width = (int) (row / BYTES);
    loadKeys(spec, k, kStart, kLength, kvHead, scratch, keys);
    loadKeys(spec, v, kStart, kLength, kvHead, scratch, values);
    // Rows of dKeys and dValues that hold sums: the first products are stored and not added.
    int written = 0;
    for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
      for (int i = 0; i < qLength; i += QUERIES) {
        int queries = Math.min(QUERIES, qLength - i);
        int vectors = (queries + LANES - 1) / LANES;
        loadQueries(spec, q, qStart + i, queries, head, spec.scale(), scratch, Q, AttentionScratch.qT(row));
        loadQueries(spec, dout, qStart + i, queries, head, 1, scratch, AttentionScratch.dOut(row), AttentionScratch.dOutT(row));
        loadStatistics(spec, lse, qStart + i, queries, head, scratch);
        int visible = visible(spec, scratch, i, queries, positionOffset, kLength);
        int rows = pad(visible);
        scores(scratch, keys, row, cols, AttentionScratch.qT(row), p, visible, vectors);
        if (spec.causal()) {
          hide(scratch, p, 0, seen(i, positionOffset, kLength), visible, vectors);
        }
        scores(scratch, values, row, cols, AttentionScratch.dOutT(row), dp, visible, vectors);
        for (int lanes = 0; lanes < vectors; lanes++) {
          probabilities(scratch, p, dp, visible, lanes * (long) BYTES);
          softmaxGrad(scratch, p, dp, visible, lanes * (long) BYTES);
        }
        // Rows that no query of the block sees, perhaps those of another block's keys.
        Simd.zero(scratch, p + visible * LINE, (rows - visible) * LINE);
        Simd.zero(scratch, dp + visible * LINE, (rows - visible) * LINE);
        boolean add = written > 0;
        if (add) {
          clearKeys(scratch, dKeys, dValues, row, written, rows);
        }
        written = Math.max(written, rows);
        if (!Operands.absent(dv)) {
          Tiles.run(scratch, rows, width, queries, p, LINE, 4, AttentionScratch.dOut(row), row, add, dValues, row);
        }
        if (!Operands.absent(dk)) {
          Tiles.run(scratch, rows, width, queries, dp, LINE, 4, Q, row, add, dKeys, row);
        }
        if (!Operands.absent(dq)) {
          Tiles.run(scratch, (int) (row / 4), vectors, visible, keys, 4, row, dp, LINE, false, sumT, LINE);
          fill(scratch, SHRINK, spec.scale());
          scaleLines(scratch, sumT, (int) (row / 4), vectors);
          writeQueries(spec, scratch, dq, qStart + i, queries, head);
        }
      }
    }
    clearKeys(scratch, dKeys, dValues, row, written, kLength);
    writeKeys(spec, scratch, dKeys, dk, kStart, kLength, kvHead);
    writeKeys(spec, scratch, dValues, dv, kStart, kLength, kvHead);
  }

  /** Clears the rows [from, end) of both gradients. */
  private static void clearKeys(MemorySegment scratch, long dKeys, long dValues, long row, int from, int end) {
    if (from < end) {
      Simd.zero(scratch, dKeys + from * row, (end - from) * row);
      Simd.zero(scratch, dValues + from * row, (end - from) * row);
    }
  }

  private static int pad(int rows) {
    return AttentionScratch.pad(rows, Tiles.ROWS);
  }

  private static void loadKeys(AttentionSpec spec, MemorySegment from, int start, int length, int kvHead, MemorySegment scratch, long to) {
    int cols = spec.headDim();
    long stride = spec.kvHeads() * cols * 4L;
    AttentionScratch.load(from, start * stride + kvHead * cols * 4L, stride, length, cols, 1, scratch, to, AttentionScratch.row(cols),
        pad(length));
  }

  private static void loadQueries(AttentionSpec spec, MemorySegment from, int start, int queries, int head, float factor,
      MemorySegment scratch, long to, long transposed) {
    int cols = spec.headDim();
    long row = AttentionScratch.row(cols);
    long stride = spec.heads() * cols * 4L;
    AttentionScratch.load(from, start * stride + head * cols * 4L, stride, queries, cols, factor, scratch, to, row,
        AttentionScratch.pad(queries, LANES));
    Squares.transpose(scratch, to, row, (queries + LANES - 1) / LANES, (int) (row / BYTES), scratch, transposed, LINE);
  }

  /** Writes the sums of the block as rows. */
  private static void writeQueries(AttentionSpec spec, MemorySegment scratch, MemorySegment to, int start, int queries, int head) {
    long row = AttentionScratch.row(spec.headDim());
    long stride = spec.heads() * spec.headDim() * 4L;
    Squares.transpose(scratch, AttentionScratch.sumT(row), LINE, (int) (row / BYTES), (queries + LANES - 1) / LANES, scratch, Q, row);
    AttentionScratch.store(scratch, Q, row, queries, spec.headDim(), to, start * stride + head * spec.headDim() * 4L, stride);
  }

  private static void writeKeys(AttentionSpec spec, MemorySegment scratch, long from, MemorySegment to, int start, int length, int kvHead) {
    if (!Operands.absent(to)) {
      long stride = spec.kvHeads() * spec.headDim() * 4L;
      AttentionScratch.store(scratch, from, AttentionScratch.row(spec.headDim()), length, spec.headDim(), to,
          start * stride + kvHead * spec.headDim() * 4L, stride);
    }
  }

  /** Multiplies lines by SHRINK. */
  private static void scaleLines(MemorySegment s, long lines, int count, int vectors) {
    for (int lanes = 0; lanes < vectors; lanes++) {
      long lane = lanes * (long) BYTES;
      var factor = fromMemorySegment(F, s, SHRINK + lane, ORDER);
      for (int j = 0; j < count; j++) {
        fromMemorySegment(F, s, lines + j * LINE + lane, ORDER).mul(factor).intoMemorySegment(s, lines + j * LINE + lane, ORDER);
      }
    }
  }

  /** Fills MAX with lse; where there is no query, or it sees no key, lse = ∞ makes all probabilities 0. */
  private static void loadStatistics(AttentionSpec spec, MemorySegment lse, int start, int queries, int head, MemorySegment scratch) {
    fill(scratch, MAX, Float.POSITIVE_INFINITY);
    for (int j = 0; j < queries; j++) {
      float sum = lse.getAtIndex(JAVA_FLOAT, (long) (start + j) * spec.heads() + head);
      scratch.set(JAVA_FLOAT, MAX + 4 * j, sum == Float.NEGATIVE_INFINITY ? Float.POSITIVE_INFINITY : sum);
    }
  }

  /** Fills SEEN; the result is how many keys the last query of the block sees, which are all that any of them sees. */
  private static int visible(AttentionSpec spec, MemorySegment scratch, int i, int queries, int positionOffset, int kLength) {
    for (int lane = 0; spec.causal() && lane < QUERIES; lane++) {
      scratch.set(JAVA_FLOAT, SEEN + 4 * lane, seen(i + lane, positionOffset, kLength));
    }
    return spec.causal() ? seen(i + queries - 1, positionOffset, kLength) : kLength;
  }

  private static int seen(int query, int positionOffset, int kLength) {
    return Math.clamp((long) query + positionOffset + 1, 0, kLength);
  }

  /** p[keys][queries] = keys · queriesᵀ. */
  private static void scores(MemorySegment scratch, long keyRows, long row, int cols, long queryLines, long p, int keys, int vectors) {
    Tiles.run(scratch, pad(keys), vectors, cols, keyRows, row, 4, queryLines, LINE, false, p, LINE);
  }

  /** Sets scores of keys that their query does not see to −∞; the keys before {@code from} are seen by all. */
  private static void hide(MemorySegment scratch, long p, int first, int from, int keys, int vectors) {
    for (int lanes = 0; lanes < vectors; lanes++) {
      long lane = lanes * (long) BYTES;
      for (int j = Math.max(from, 0); j < keys; j++) {
        long at = p + j * LINE + lane;
        store(load(scratch, at).blend(Float.NEGATIVE_INFINITY, load(scratch, SEEN + lane).compare(LE, first + j)), scratch, at);
      }
    }
  }

  /** Raises MAX; SHRINK is the logarithm of what sums shrink by. */
  private static void max(MemorySegment s, int keys, long lanes) {
    var before = load(s, MAX + lanes);
    var even = before;
    var odd = before;
    int j = 0;
    // Compare and blend, because max() spends more on NaN than on all the rest; a NaN score reaches the sum all the same.
    for (; j + 2 <= keys; j += 2) {
      var a = load(s, P + j * LINE + lanes);
      var b = load(s, P + (j + 1) * LINE + lanes);
      even = even.blend(a, a.compare(GT, even));
      odd = odd.blend(b, b.compare(GT, odd));
    }
    if (j < keys) {
      var a = load(s, P + j * LINE + lanes);
      even = even.blend(a, a.compare(GT, even));
    }
    var max = even.blend(odd, odd.compare(GT, even));
    // A query that sees no key yet has no maximum; with the least float in its place its exponentials are 0 and none is NaN.
    max = max.blend(-Float.MAX_VALUE, max.compare(LE, -Float.MAX_VALUE));
    before.sub(max).intoMemorySegment(s, SHRINK + lanes, ORDER);
    max.intoMemorySegment(s, MAX + lanes, ORDER);
  }

  /** Scales TOTAL, and makes SHRINK the factor itself. */
  private static void shrink(MemorySegment s, boolean again, long lanes) {
    if (again) {
      var shrink = VectorMath.expOfNegative(fromMemorySegment(F, s, SHRINK + lanes, ORDER));
      shrink.intoMemorySegment(s, SHRINK + lanes, ORDER);
      shrink.mul(fromMemorySegment(F, s, TOTAL + lanes, ORDER)).intoMemorySegment(s, TOTAL + lanes, ORDER);
    }
  }

  /** Turns the scores of one tile and one vector of queries to exponentials, and adds them to TOTAL. */
  private static void exponentials(MemorySegment s, int keys, long lanes) {
    var max = fromMemorySegment(F, s, MAX + lanes, ORDER);
    var sum = fromMemorySegment(F, s, TOTAL + lanes, ORDER);
    for (int j = 0; j < keys; j++) {
      var e = VectorMath.expOfNegative(fromMemorySegment(F, s, P + j * LINE + lanes, ORDER).sub(max));
      sum = sum.add(e);
      e.intoMemorySegment(s, P + j * LINE + lanes, ORDER);
    }
    sum.intoMemorySegment(s, TOTAL + lanes, ORDER);
  }

  /**
   * p = exp(score − lse), and TOTAL = Σ p·dp / Σ p over the keys, which is dO·O. The rounding of a large lse makes all p of a query too
   * large or too small; where one of them is nearly 1, only this quotient takes all of its dp away again.
   */
  private static void probabilities(MemorySegment s, long probabilities, long gradients, int keys, long lanes) {
    var lse = load(s, MAX + lanes);
    var sum = all(0f);
    var total = sum;
    for (int j = 0; j < keys; j++) {
      long at = j * LINE + lanes;
      var p = VectorMath.expOfNegative(fromMemorySegment(F, s, probabilities + at, ORDER).sub(lse));
      p.intoMemorySegment(s, probabilities + at, ORDER);
      total = total.add(p);
      sum = fromMemorySegment(F, s, gradients + at, ORDER).fma(p, sum);
    }
    total = total.blend(1f, total.eq(0f));
    sum.div(total).intoMemorySegment(s, TOTAL + lanes, ORDER);
  }

  /** ds = p·(dp − TOTAL), without the scale. */
  private static void softmaxGrad(MemorySegment s, long probabilities, long gradients, int keys, long lanes) {
    var delta = load(s, TOTAL + lanes);
    for (int j = 0; j < keys; j++) {
      long at = j * LINE + lanes;
      fromMemorySegment(F, s, gradients + at, ORDER).sub(delta).mul(fromMemorySegment(F, s, probabilities + at, ORDER))
          .intoMemorySegment(s, gradients + at, ORDER);
    }
  }

  private static void fill(MemorySegment scratch, long line, float value) {
    for (long lane = 0; lane < LINE; lane += BYTES) {
      store(all(value), scratch, line + lane);
    }
  }
}
