package io.github.lora4j.vector.internal.reference;

import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Kernels.Part;
import io.github.lora4j.vector.internal.Operands;
import java.lang.foreign.MemorySegment;

/** Copies between layouts, element by element. Contracts are those of {@code Kernels}. */
public record ReferenceLayouts(Elements type) {

  public void copyColumns(Part source, Part target, int width, int from, int to) {
    for (int i = from; i < to; i++) {
      for (int j = 0; j < width; j++) {
        type.set(target.rows(), (long) i * target.cols() + target.first() + j,
            type.get(source.rows(), (long) i * source.cols() + source.first() + j));
      }
    }
  }

  public void spread(Part x, MemorySegment spans, double filler, MemorySegment y, int most, int from, int to) {
    for (int i = from; i < to; i++) {
      long source = (long) Operands.id(spans, 3L * i) * x.cols() + Operands.id(spans, 3L * i + 2);
      int length = Math.min(Operands.id(spans, 3L * i + 1), most);
      for (int j = 0; j < most; j++) {
        type.set(y, (long) i * most + j, j < length ? type.get(x.rows(), source + (long) j * x.cols()) : filler);
      }
    }
  }

  public void collect(MemorySegment dy, MemorySegment spans, Part dx, int most, int from, int to) {
    for (int i = from; i < to; i++) {
      long target = (long) Operands.id(spans, 3L * i) * dx.cols() + Operands.id(spans, 3L * i + 2);
      int length = Math.min(Operands.id(spans, 3L * i + 1), most);
      for (int j = 0; j < length; j++) {
        type.set(dx.rows(), target + (long) j * dx.cols(), type.get(dy, (long) i * most + j));
      }
    }
  }

  public void unfold(MemorySegment x, MemorySegment indices, MemorySegment y, int channels, int taps, int from, int to) {
    for (int i = from; i < to; i++) {
      for (int t = 0; t < taps; t++) {
        int row = Operands.id(indices, (long) i * taps + t);
        for (int c = 0; c < channels; c++) {
          type.set(y, ((long) i * channels + c) * taps + t, row < 0 ? 0 : type.get(x, (long) row * channels + c));
        }
      }
    }
  }

  /** Each row of the input gathers, so nothing is written twice and the order of the sum is fixed. */
  public void fold(MemorySegment dy, MemorySegment inverse, MemorySegment dx, int channels, int taps, int from, int to) {
    for (int i = from; i < to; i++) {
      for (int c = 0; c < channels; c++) {
        double sum = 0;
        for (int t = 0; t < taps; t++) {
          int row = Operands.id(inverse, (long) i * taps + t);
          sum += row < 0 ? 0 : type.get(dy, ((long) row * channels + c) * taps + t);
        }
        type.set(dx, (long) i * channels + c, sum);
      }
    }
  }
}
