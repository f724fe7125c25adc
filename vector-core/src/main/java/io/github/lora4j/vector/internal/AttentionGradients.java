package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.AttentionScratch.LINE;
import static io.github.lora4j.vector.internal.AttentionScratch.MAX;
import static io.github.lora4j.vector.internal.AttentionScratch.Q;
import static io.github.lora4j.vector.internal.AttentionScratch.QUERIES;
import static io.github.lora4j.vector.internal.AttentionScratch.SHRINK;
import static io.github.lora4j.vector.internal.AttentionScratch.TOTAL;
import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.F;
import static io.github.lora4j.vector.internal.Simd.LANES;
import static io.github.lora4j.vector.internal.Simd.ORDER;
import static io.github.lora4j.vector.internal.Simd.all;
import static io.github.lora4j.vector.internal.Simd.load;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import io.github.lora4j.vector.AttentionSpec;
import java.lang.foreign.MemorySegment;

/** Gradients of {@link Attention}: scores of all keys that a block of queries sees, made again. Contracts are those of {@code Kernels}. */
public final class AttentionGradients {

  private AttentionGradients() {}

  public static void backward(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, AttentionSpec.Bias bias,
      MemorySegment lse, MemorySegment dout, MemorySegment dq, MemorySegment dk, MemorySegment dv, int qStart, int qLength, int kStart,
      int kLength, int positionOffset, int kvHead, MemorySegment scratch) {
    int group = spec.heads() / spec.kvHeads();
    long row = AttentionScratch.row(spec.headDim());
    long keys = AttentionScratch.keyRows(0, row, kLength);
    long dKeys = AttentionScratch.keyRows(2, row, kLength);
    long dValues = AttentionScratch.keyRows(3, row, kLength);
    long p = AttentionScratch.p(row, kLength);
    long dp = AttentionScratch.dP(row, kLength);
    long sumT = AttentionScratch.sumT(row);
    int width = (int) (row / BYTES);
    AttentionScores.loadKeys(spec, k, kStart, kLength, kvHead, scratch, keys);
    AttentionScores.loadKeys(spec, v, kStart, kLength, kvHead, scratch, AttentionScratch.keyRows(1, row, kLength));
    if (bias.vectors()) {
      AttentionDistances.read(spec, bias, scratch, qLength, kLength, positionOffset, kvHead);
    }
    // Rows of dKeys and dValues that hold sums: the first products are stored and not added, but where a block may leave rows before it out.
    int written = spec.window() > 0 ? AttentionScores.pad(kLength) : 0;
    clearKeys(scratch, dKeys, dValues, row, 0, written);
    for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
      for (int i = 0; i < qLength; i += QUERIES) {
        int queries = Math.min(QUERIES, qLength - i);
        int vectors = (queries + LANES - 1) / LANES;
        loadBlock(spec, q, dout, lse, qStart + i, queries, head, scratch);
        int begin = AttentionScores.begin(spec, i + positionOffset, kLength);
        int visible = Math.max(begin, AttentionScores.visible(spec, scratch, AttentionScratch.from(row, kLength), i + positionOffset, queries,
            kLength));
        softmax(spec, bias, head, scratch, i, queries, begin, visible, qLength, kLength, positionOffset);
        if (spec.softCap() > 0) {
          AttentionScores.multiply(scratch, dp + begin * LINE, AttentionScratch.slope(row, kLength) + begin * LINE, visible - begin, vectors);
        }
        int end = AttentionScores.pad(visible);
        // Rows that no query of the block sees, perhaps those of another block's keys.
        Simd.zero(scratch, p + visible * LINE, (end - visible) * LINE);
        clearBehind(scratch, dp, begin, visible);
        boolean add = written > 0;
        if (add) {
          clearKeys(scratch, dKeys, dValues, row, written, end);
        }
        written = Math.max(written, end);
        if (!Operands.absent(dv)) {
          Tiles.run(scratch, end - begin, width, queries, p + begin * LINE, LINE, 4, AttentionScratch.dOut(row), row, add, dValues + begin * row,
              row);
        }
        if (!Operands.absent(dk)) {
          Tiles.run(scratch, end - begin, width, queries, dp + begin * LINE, LINE, 4, Q, row, add, dKeys + begin * row, row);
          if (bias.vectors()) {
            AttentionDistances.keyGradients(spec, bias, scratch, dp + begin * LINE, dKeys, begin, visible - begin, i, vectors, qLength, kLength);
          }
        }
        if (!Operands.absent(dq)) {
          Tiles.run(scratch, (int) (row / 4), vectors, visible - begin, keys + begin * row, 4, row, dp + begin * LINE, LINE, false, sumT, LINE);
          Attention.fill(scratch, SHRINK, spec.scale());
          Attention.scaleLines(scratch, sumT, (int) (row / 4), vectors);
          long others = bias.vectors() ? AttentionDistances.queryGradients(spec, bias, scratch, dp + begin * LINE, begin, visible - begin, i, vectors,
              qLength, kLength) : -1;
          Attention.writeQueries(spec, scratch, others, dq, qStart + i, queries, head);
        }
      }
    }
    clearKeys(scratch, dKeys, dValues, row, written, kLength);
    writeKeys(spec, scratch, dKeys, dk, kStart, kLength, kvHead);
    writeKeys(spec, scratch, dValues, dv, kStart, kLength, kvHead);
  }

  public static void bias(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, AttentionSpec.Bias bias, MemorySegment lse,
      MemorySegment dout, AttentionSpec.Bias dBias, int qStart, int qLength, int kStart, int kLength, int positionOffset, int head,
      MemorySegment scratch) {
    int kvHead = head * spec.kvHeads() / spec.heads();
    long row = AttentionScratch.row(spec.headDim());
    AttentionScores.loadKeys(spec, k, kStart, kLength, kvHead, scratch, AttentionScratch.keyRows(0, row, kLength));
    AttentionScores.loadKeys(spec, v, kStart, kLength, kvHead, scratch, AttentionScratch.keyRows(1, row, kLength));
    if (bias.vectors()) {
      AttentionDistances.read(spec, bias, scratch, qLength, kLength, positionOffset, head);
      AttentionDistances.clear(spec, scratch, qLength, kLength);
    }
    for (int i = 0; i < qLength; i += QUERIES) {
      int queries = Math.min(QUERIES, qLength - i);
      int position = i + positionOffset;
      loadBlock(spec, q, dout, lse, qStart + i, queries, head, scratch);
      int begin = AttentionScores.begin(spec, position, kLength);
      int visible = AttentionScores.visible(spec, scratch, AttentionScratch.from(row, kLength), position, queries, kLength);
      if (visible > begin) {
        softmax(spec, bias, head, scratch, i, queries, begin, visible, qLength, kLength, positionOffset);
        addBiases(spec, bias, dBias, head, scratch, i, queries, begin, visible, qLength, kLength, positionOffset);
      }
    }
    if (bias.vectors()) {
      AttentionDistances.addVectors(spec, dBias, scratch, qLength, kLength, positionOffset, head);
    }
  }

  /** Of a block's gradients of scores, to the numbers' column and to the sums of the vectors, which lie in scratch. */
  private static void addBiases(AttentionSpec spec, AttentionSpec.Bias bias, AttentionSpec.Bias dBias, int head, MemorySegment scratch, int i,
      int queries, int begin, int visible, int qLength, int kLength, int positionOffset) {
    long row = AttentionScratch.row(spec.headDim());
    long dp = AttentionScratch.dP(row, kLength);
    int vectors = (queries + LANES - 1) / LANES;
    int seen = visible - begin;
    if (dBias.present()) {
      AttentionScores.sumBias(spec, bias, head, scratch, AttentionScratch.bias(row, kLength), dp + begin * LINE, begin - (i + positionOffset), seen,
          vectors, dBias.table());
    }
    if (dBias.vectors()) {
      if (spec.softCap() > 0) {
        AttentionScores.multiply(scratch, dp + begin * LINE, AttentionScratch.slope(row, kLength) + begin * LINE, seen, vectors);
      }
      clearBehind(scratch, dp, begin, visible);
      AttentionDistances.vectorGradients(spec, dBias, scratch, dp + begin * LINE, begin, seen, i, queries, qLength, kLength);
    }
  }

  /** Clears the lines behind those of the keys [begin, end) up to whole tiles, and to whole squares from {@code begin} on. */
  private static void clearBehind(MemorySegment scratch, long lines, int begin, int end) {
    int padded = Math.max(AttentionScores.pad(end), begin + AttentionScratch.pad(end - begin, LANES));
    Simd.zero(scratch, lines + end * LINE, (padded - end) * LINE);
  }

  private static void loadBlock(AttentionSpec spec, MemorySegment q, MemorySegment dout, MemorySegment lse, int start, int queries, int head,
      MemorySegment scratch) {
    long row = AttentionScratch.row(spec.headDim());
    AttentionScores.loadQueries(spec, q, start, queries, head, spec.scale(), scratch, Q, AttentionScratch.qT(row));
    AttentionScores.loadQueries(spec, dout, start, queries, head, 1, scratch, AttentionScratch.dOut(row), AttentionScratch.dOutT(row));
    loadStatistics(spec, lse, start, queries, head, scratch);
  }

  /** Probabilities of the keys [begin, visible), and the gradients of their scores as the softmax sees them; slopes of the cap beside. */
  private static void softmax(AttentionSpec spec, AttentionSpec.Bias bias, int head, MemorySegment scratch, int i, int queries, int begin,
      int visible, int qLength, int kLength, int positionOffset) {
    int position = i + positionOffset;
    int cols = spec.headDim();
    int vectors = (queries + LANES - 1) / LANES;
    long row = AttentionScratch.row(cols);
    long p = AttentionScratch.p(row, kLength) + begin * LINE;
    long dp = AttentionScratch.dP(row, kLength) + begin * LINE;
    int seen = visible - begin;
    AttentionScores.scores(scratch, AttentionScratch.keyRows(0, row, kLength) + begin * row, row, cols, AttentionScratch.qT(row), p, seen, vectors);
    if (bias.vectors()) {
      AttentionDistances.addScores(spec, bias, scratch, p, begin, seen, i, vectors, qLength, kLength);
    }
    if (spec.softCap() > 0) {
      AttentionScores.cap(scratch, p, spec.softCap(), seen, vectors, AttentionScratch.slope(row, kLength) + begin * LINE);
    }
    if (bias.present()) {
      AttentionScores.addBias(spec, bias, head, scratch, AttentionScratch.bias(row, kLength), p, begin - position, seen, vectors);
    }
    if (spec.ends()) {
      AttentionScores.hide(spec, scratch, p, begin, AttentionScratch.from(row, kLength), position, queries, kLength, seen, vectors);
    }
    AttentionScores.scores(scratch, AttentionScratch.keyRows(1, row, kLength) + begin * row, row, cols, AttentionScratch.dOutT(row), dp, seen,
        vectors);
    for (int lanes = 0; lanes < vectors; lanes++) {
      probabilities(scratch, p, dp, seen, lanes * (long) BYTES);
      softmaxGrad(scratch, p, dp, seen, lanes * (long) BYTES);
    }
  }

  /** Clears the rows [from, end) of both gradients. */
  private static void clearKeys(MemorySegment scratch, long dKeys, long dValues, long row, int from, int end) {
    if (from < end) {
      Simd.zero(scratch, dKeys + from * row, (end - from) * row);
      Simd.zero(scratch, dValues + from * row, (end - from) * row);
    }
  }

  private static void writeKeys(AttentionSpec spec, MemorySegment scratch, long from, MemorySegment to, int start, int length, int kvHead) {
    if (!Operands.absent(to)) {
      long stride = spec.kvHeads() * spec.headDim() * 4L;
      AttentionScratch.store(scratch, from, AttentionScratch.row(spec.headDim()), length, spec.headDim(), to,
          start * stride + kvHead * spec.headDim() * 4L, stride);
    }
  }

  /** Fills MAX with lse; where there is no query, or it sees no key, lse = ∞ makes all probabilities 0. */
  private static void loadStatistics(AttentionSpec spec, MemorySegment lse, int start, int queries, int head, MemorySegment scratch) {
    Attention.fill(scratch, MAX, Float.POSITIVE_INFINITY);
    for (int j = 0; j < queries; j++) {
      float sum = lse.getAtIndex(JAVA_FLOAT, (long) (start + j) * spec.heads() + head);
      scratch.set(JAVA_FLOAT, MAX + 4 * j, sum == Float.NEGATIVE_INFINITY ? Float.POSITIVE_INFINITY : sum);
    }
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
}
