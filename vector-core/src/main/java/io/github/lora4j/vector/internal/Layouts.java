package io.github.lora4j.vector.internal;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.github.lora4j.vector.Kernels.Part;
import java.lang.foreign.MemorySegment;

/**
 * Copies between layouts; contracts are those of {@code Kernels}. Rows are copied whole; what lies a row apart is copied float by float, since no
 * vector gathers from native memory.
 */
public final class Layouts {

  private Layouts() {}

  public static void copyColumns(Part source, Part target, int width, int from, int to) {
    for (int i = from; i < to; i++) {
      MemorySegment.copy(source.rows(), ((long) i * source.cols() + source.first()) * 4, target.rows(),
          ((long) i * target.cols() + target.first()) * 4, width * 4L);
    }
  }

  public static void spread(Part x, MemorySegment spans, double filler, MemorySegment y, int most, int from, int to) {
    for (int i = from; i < to; i++) {
      long source = ((long) Operands.id(spans, 3L * i) * x.cols() + Operands.id(spans, 3L * i + 2)) * 4;
      int length = Math.min(Operands.id(spans, 3L * i + 1), most);
      long row = (long) i * most * 4;
      for (int j = 0; j < length; j++) {
        y.set(JAVA_FLOAT_UNALIGNED, row + j * 4L, x.rows().get(JAVA_FLOAT_UNALIGNED, source + (long) j * x.cols() * 4));
      }
      for (int j = length; j < most; j++) {
        y.set(JAVA_FLOAT_UNALIGNED, row + j * 4L, (float) filler);
      }
    }
  }

  public static void collect(MemorySegment dy, MemorySegment spans, Part dx, int most, int from, int to) {
    for (int i = from; i < to; i++) {
      long target = ((long) Operands.id(spans, 3L * i) * dx.cols() + Operands.id(spans, 3L * i + 2)) * 4;
      int length = Math.min(Operands.id(spans, 3L * i + 1), most);
      long row = (long) i * most * 4;
      for (int j = 0; j < length; j++) {
        dx.rows().set(JAVA_FLOAT_UNALIGNED, target + (long) j * dx.cols() * 4, dy.get(JAVA_FLOAT_UNALIGNED, row + j * 4L));
      }
    }
  }

  public static void unfold(MemorySegment x, MemorySegment indices, MemorySegment y, int channels, int taps, int from, int to) {
    for (int i = from; i < to; i++) {
      for (int t = 0; t < taps; t++) {
        int row = Operands.id(indices, (long) i * taps + t);
        long source = (long) row * channels * 4;
        long target = ((long) i * channels * taps + t) * 4;
        for (int c = 0; c < channels; c++) {
          y.set(JAVA_FLOAT_UNALIGNED, target + (long) c * taps * 4, row < 0 ? 0 : x.get(JAVA_FLOAT_UNALIGNED, source + c * 4L));
        }
      }
    }
  }

  public static void fold(MemorySegment dy, MemorySegment inverse, MemorySegment dx, int channels, int taps, int from, int to) {
    for (int i = from; i < to; i++) {
      for (int c = 0; c < channels; c++) {
        double sum = 0;
        for (int t = 0; t < taps; t++) {
          int row = Operands.id(inverse, (long) i * taps + t);
          sum += row < 0 ? 0 : dy.get(JAVA_FLOAT_UNALIGNED, (((long) row * channels + c) * taps + t) * 4);
        }
        dx.set(JAVA_FLOAT_UNALIGNED, ((long) i * channels + c) * 4, (float) sum);
      }
    }
  }
}
