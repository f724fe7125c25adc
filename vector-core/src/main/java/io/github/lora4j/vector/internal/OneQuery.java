package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.AttentionScratch.TILE;
import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.F;
import static io.github.lora4j.vector.internal.Simd.LANES;
import static io.github.lora4j.vector.internal.Simd.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.FloatVector.zero;

import io.github.lora4j.vector.AttentionSpec;
import java.lang.foreign.MemorySegment;

/**
 * Attention of a segment's only query, as when text is generated: a query per lane would leave all lanes but one idle, so keys lie in the lanes of
 * scores, and the columns of values in those of the result. Each number is the same chain of operations as in {@link Attention}, so its bits are.
 */
final class OneQuery {

  /** Scores of a tile of keys, then their exponentials. */
  private static final long SCORES = 0;
  /** The query times the scale. */
  private static final long QUERY = SCORES + TILE * 4L;

  private OneQuery() {}

  static void forward(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, MemorySegment out, MemorySegment lse, int qRow,
      int kStart, int kLength, int position, int head, MemorySegment scratch) {
    int cols = spec.headDim();
    long row = AttentionScratch.row(cols);
    long stride = spec.kvHeads() * cols * 4L;
    long place = kStart * stride + head * spec.kvHeads() / spec.heads() * cols * 4L;
    long sum = QUERY + row;
    long at = (qRow * (long) spec.heads() + head) * cols * 4L;
    AttentionScratch.load(q, at, 0, 1, cols, spec.scale(), scratch, QUERY, row, 1);
    Simd.zero(scratch, sum, row);
    int begin = AttentionScores.begin(spec, position, kLength);
    int visible = spec.end(position, kLength);
    int seen = spec.first(position, kLength);
    float max = Float.NEGATIVE_INFINITY;
    float total = 0;
    for (int first = begin; first < visible; first += TILE) {
      int tile = Math.min(TILE, visible - first);
      scores(k, place + first * stride, stride, tile, cols, scratch, sum + row);
      if (spec.softCap() > 0) {
        cap(scratch, spec.softCap(), tile);
      }
      for (int j = 0; j < seen - first; j++) {
        scratch.set(JAVA_FLOAT, SCORES + 4L * j, Float.NEGATIVE_INFINITY);
      }
      float before = max;
      max = max(scratch, tile, before);
      float factor = 1;
      if (first > begin) {
        factor = shrink(before - max);
        total *= factor;
      }
      total = exponentials(scratch, tile, max, total);
      values(v, place + first * stride, stride, tile, cols, scratch, sum, factor, first > begin);
    }
    lse.setAtIndex(JAVA_FLOAT, (long) qRow * spec.heads() + head, (float) (max + Math.log(total)));
    scale(scratch, sum, total == 0 ? 0 : 1 / total, row);
    AttentionScratch.store(scratch, sum, row, 1, cols, out, at, 0);
  }

  /** Keys by the lane: blocks of keys are transposed, so that a score is summed over columns in their order. */
  private static void scores(MemorySegment k, long at, long stride, int keys, int cols, MemorySegment s, long block) {
    long row = AttentionScratch.row(cols);
    long turned = block + LANES * row;
    for (int j = 0; j < keys; j += LANES) {
      AttentionScratch.load(k, at + j * stride, stride, Math.min(LANES, keys - j), cols, 1, s, block, row, LANES);
      Squares.transpose(s, block, row, 1, (int) (row / BYTES), s, turned, BYTES);
      dots(s, turned, cols, SCORES + 4L * j);
    }
  }

  private static void dots(MemorySegment s, long turned, int cols, long to) {
    var sum = zero(F);
    for (int d = 0; d < cols; d++) {
      sum = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, QUERY + 4L * d)).fma(fromMemorySegment(F, s, turned + d * (long) BYTES, ORDER), sum);
    }
    sum.intoMemorySegment(s, to, ORDER);
  }

  private static void cap(MemorySegment s, float cap, int keys) {
    for (int j = 0; j < keys; j += LANES) {
      VectorMath.tanh(fromMemorySegment(F, s, SCORES + 4L * j, ORDER).div(cap)).mul(cap).intoMemorySegment(s, SCORES + 4L * j, ORDER);
    }
  }

  private static float max(MemorySegment s, int keys, float before) {
    float max = before;
    for (int j = 0; j < keys; j++) {
      float score = s.get(JAVA_FLOAT_UNALIGNED, SCORES + 4L * j);
      max = score > max ? score : max;
    }
    return max <= -Float.MAX_VALUE ? -Float.MAX_VALUE : max;
  }

  private static float shrink(float x) {
    return VectorMath.expOfNegative(broadcast(F, x)).lane(0);
  }

  private static float exponentials(MemorySegment s, int keys, float max, float before) {
    for (int j = 0; j < keys; j += LANES) {
      VectorMath.expOfNegative(fromMemorySegment(F, s, SCORES + 4L * j, ORDER).sub(max)).intoMemorySegment(s, SCORES + 4L * j, ORDER);
    }
    float total = before;
    for (int j = 0; j < keys; j++) {
      total += s.get(JAVA_FLOAT_UNALIGNED, SCORES + 4L * j);
    }
    return total;
  }

  /** Columns by the lane: sum = factor·sum + Σ over keys of exponential·value, a tile's sum apart from those before. */
  private static void values(MemorySegment v, long at, long stride, int keys, int cols, MemorySegment s, long sum, float factor, boolean again) {
    long whole = Simd.whole(0, cols * 4L);
    for (long d = 0; d < whole; d += BYTES) {
      var tile = zero(F);
      for (int j = 0; j < keys; j++) {
        tile = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, SCORES + 4L * j)).fma(fromMemorySegment(F, v, at + j * stride + d, ORDER), tile);
      }
      if (again) {
        tile = fromMemorySegment(F, s, sum + d, ORDER).mul(factor).add(tile);
      }
      tile.intoMemorySegment(s, sum + d, ORDER);
    }
    for (long d = whole; d < cols * 4L; d += 4) {
      float tile = 0;
      for (int j = 0; j < keys; j++) {
        tile = Math.fma(s.get(JAVA_FLOAT_UNALIGNED, SCORES + 4L * j), v.get(JAVA_FLOAT_UNALIGNED, at + j * stride + d), tile);
      }
      s.set(JAVA_FLOAT_UNALIGNED, sum + d, again ? s.get(JAVA_FLOAT_UNALIGNED, sum + d) * factor + tile : tile);
    }
  }

  private static void scale(MemorySegment s, long sum, float factor, long row) {
    for (long d = 0; d < row; d += BYTES) {
      fromMemorySegment(F, s, sum + d, ORDER).mul(factor).intoMemorySegment(s, sum + d, ORDER);
    }
  }
}
