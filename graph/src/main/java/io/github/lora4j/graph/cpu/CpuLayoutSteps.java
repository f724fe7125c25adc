package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.LayoutOp;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.BiFunction;

/**
 * Binds the ops that only move elements.
 *
 * @param floats what elements are
 */
record CpuLayoutSteps(CpuSteps of, DType floats) {

  static List<CpuBinder<?>> binders() {
    return List.of(bind(LayoutOp.Split.class, (at, o) -> at.columns(o.x(), o.parts(), true)),
        bind(LayoutOp.Join.class, (at, o) -> at.columns(o.y(), o.parts(), false)),
        bind(LayoutOp.Spread.class, CpuLayoutSteps::spread),
        bind(LayoutOp.Collect.class, CpuLayoutSteps::collect),
        bind(LayoutOp.Unfold.class, CpuLayoutSteps::unfold),
        bind(LayoutOp.Fold.class, CpuLayoutSteps::fold));
  }

  private static <O extends Op> CpuBinder<O> bind(Class<O> op, BiFunction<CpuLayoutSteps, O, CpuSteps.Step> step) {
    return CpuBinder.of(op, (o, at) -> step.apply(new CpuLayoutSteps(at, at.floats()), o));
  }

  private CpuSteps.Step spread(LayoutOp.Spread o) {
    MemorySegment x = of.s(o.x());
    MemorySegment y = of.s(o.y());
    MemorySegment spans = of.s(o.spans());
    int cols = o.x().shape().cols();
    int most = o.y().shape().cols();
    return of.rows(o.y(), most, (from, to) -> {
      for (int i = from; i < to; i++) {
        long source = (long) at(spans, i, 0) * cols + at(spans, i, 2);
        int length = Math.min(at(spans, i, 1), most);
        for (int j = 0; j < most; j++) {
          Storage.set(y, floats, (long) i * most + j, j < length ? Storage.get(x, floats, source + (long) j * cols) : LayoutOp.NOTHING);
        }
      }
    });
  }

  private CpuSteps.Step collect(LayoutOp.Collect o) {
    MemorySegment dx = of.s(o.dx());
    MemorySegment dy = of.s(o.dy());
    MemorySegment spans = of.s(o.spans());
    int cols = o.dx().shape().cols();
    int most = o.dy().shape().cols();
    CpuSteps.Step clear = of.rows(o.dx(), cols, (from, to) -> dx.asSlice((long) from * cols * floats.bytes(),
        (long) (to - from) * cols * floats.bytes()).fill((byte) 0));
    CpuSteps.Step move = of.rows(o.dy(), most, (from, to) -> {
      for (int i = from; i < to; i++) {
        long target = (long) at(spans, i, 0) * cols + at(spans, i, 2);
        int length = Math.min(at(spans, i, 1), most);
        for (int j = 0; j < length; j++) {
          Storage.set(dx, floats, target + (long) j * cols, Storage.get(dy, floats, (long) i * most + j));
        }
      }
    });
    return () -> {
      clear.run();
      move.run();
    };
  }

  private CpuSteps.Step unfold(LayoutOp.Unfold o) {
    MemorySegment x = of.s(o.x());
    MemorySegment y = of.s(o.y());
    MemorySegment indices = of.s(o.indices());
    int channels = o.x().shape().cols();
    int taps = o.indices().shape().cols();
    return of.rows(o.y(), channels * taps, (from, to) -> {
      for (int i = from; i < to; i++) {
        for (int t = 0; t < taps; t++) {
          int row = indices.getAtIndex(ValueLayout.JAVA_INT, (long) i * taps + t);
          for (int c = 0; c < channels; c++) {
            Storage.set(y, floats, ((long) i * channels + c) * taps + t, row < 0 ? 0 : Storage.get(x, floats, (long) row * channels + c));
          }
        }
      }
    });
  }

  /** Each row of the input gathers, so nothing is written twice and the order of the sum is fixed. */
  private CpuSteps.Step fold(LayoutOp.Fold o) {
    MemorySegment dx = of.s(o.dx());
    MemorySegment dy = of.s(o.dy());
    MemorySegment inverse = of.s(o.inverse());
    int channels = o.dx().shape().cols();
    int taps = o.inverse().shape().cols();
    return of.rows(o.dx(), channels * taps, (from, to) -> {
      for (int i = from; i < to; i++) {
        for (int c = 0; c < channels; c++) {
          double sum = 0;
          for (int t = 0; t < taps; t++) {
            int row = inverse.getAtIndex(ValueLayout.JAVA_INT, (long) i * taps + t);
            sum += row < 0 ? 0 : Storage.get(dy, floats, ((long) row * channels + c) * taps + t);
          }
          Storage.set(dx, floats, (long) i * channels + c, sum);
        }
      }
    });
  }

  private static int at(MemorySegment spans, int row, int column) {
    return spans.getAtIndex(ValueLayout.JAVA_INT, 3L * row + column);
  }

  private CpuSteps.Step columns(Value whole, List<Value> parts, boolean split) {
    MemorySegment all = of.s(whole);
    MemorySegment[] each = parts.stream().map(of::s).toArray(MemorySegment[]::new);
    long width = (long) parts.getFirst().shape().cols() * floats.bytes();
    long row = width * each.length;
    return of.rows(whole, whole.shape().cols(), (from, to) -> {
      for (int i = from; i < to; i++) {
        for (int p = 0; p < each.length; p++) {
          if (split) {
            MemorySegment.copy(all, i * row + p * width, each[p], i * width, width);
          } else {
            MemorySegment.copy(each[p], i * width, all, i * row + p * width, width);
          }
        }
      }
    });
  }
}
