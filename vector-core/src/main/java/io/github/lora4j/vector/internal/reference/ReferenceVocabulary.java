package io.github.lora4j.vector.internal.reference;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.internal.LabelState;
import java.lang.foreign.MemorySegment;

/** Softmax over a vocabulary in chunks. Contracts are those of {@code Kernels}. */
public final class ReferenceVocabulary {
  private final Elements type;

  public ReferenceVocabulary(DType dtype) {
    this.type = new Elements(dtype);
  }

  public void chunk(Kernels.LabelSoftmax s, MemorySegment x, int first, int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      long row = (long) i * cols;
      LabelState.begin(s, first, i);
      double before = LabelState.get(s, i, LabelState.MAX);
      double max = before;
      for (int j = 0; j < cols; j++) {
        double z = capped(type.get(x, row + j), s.cap());
        if (z > max) {
          max = z;
          LabelState.set(s, i, LabelState.LIKELIEST, first + j);
        }
      }
      double down = first == 0 ? 0 : Math.exp(before - max);
      double sum = LabelState.get(s, i, LabelState.SUM) * down;
      int label = LabelState.label(s, i) - first;
      for (int j = 0; j < cols; j++) {
        double z = capped(type.get(x, row + j), s.cap());
        double slope = s.cap() == 0 ? 1 : 1 - z / s.cap() * (z / s.cap());
        double e = Math.exp(z - max);
        sum += e;
        if (j == label) {
          LabelState.set(s, i, LabelState.LABEL, z);
          LabelState.set(s, i, LabelState.SLOPE, slope);
        }
        if (s.sums().address() != 0) {
          type.set(x, row + j, e * slope);
        }
      }
      LabelState.set(s, i, LabelState.MAX, max);
      LabelState.set(s, i, LabelState.SUM, sum);
      if (s.sums().address() != 0 && first > 0) {
        for (long j = (long) i * s.width(); j < (i + 1L) * s.width(); j++) {
          type.set(s.sums(), j, type.get(s.sums(), j) * down);
        }
      }
    }
  }

  private static double capped(double x, double cap) {
    return cap == 0 ? x : cap * Math.tanh(x / cap);
  }

  public void end(Kernels.LabelSoftmax s, Kernels.Table weight, MemorySegment labelRow, double scale, MemorySegment y,
      MemorySegment likeliest, int from, int to) {
    for (int i = from; i < to; i++) {
      int label = LabelState.label(s, i);
      boolean labelled = label >= 0;
      type.set(y, i, labelled ? LabelState.logProbability(s, i) : 0);
      type.set(likeliest, i, LabelState.get(s, i, LabelState.LIKELIEST));
      if (s.sums().address() != 0) {
        if (labelled) {
          new ReferenceRows(type.type()).row(weight, label, labelRow, s.width());
        }
        for (int j = 0; j < s.width(); j++) {
          long at = (long) i * s.width() + j;
          double mean = type.get(s.sums(), at) / LabelState.get(s, i, LabelState.SUM);
          type.set(s.sums(), at, labelled ? scale * (LabelState.get(s, i, LabelState.SLOPE) * type.get(labelRow, j) - mean) : 0);
        }
      }
    }
  }

  public void likeliest(MemorySegment x, MemorySegment y, int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      int best = 0;
      for (int j = 1; j < cols; j++) {
        best = type.get(x, (long) i * cols + j) > type.get(x, (long) i * cols + best) ? j : best;
      }
      type.set(y, i, best);
    }
  }
}
