package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.LayoutOp;
import io.github.lora4j.graph.Value;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Binds the ops that only move elements.
 *
 * @param bytes of an element
 */
record CpuLayoutSteps(CpuSteps of, int bytes) {

  CpuSteps.Step bind(LayoutOp op) {
    return switch (op) {
      case LayoutOp.Split o -> columns(o.x(), o.parts(), true);
      case LayoutOp.Join o -> columns(o.y(), o.parts(), false);
    };
  }

  private CpuSteps.Step columns(Value whole, List<Value> parts, boolean split) {
    MemorySegment all = of.s(whole);
    MemorySegment[] each = parts.stream().map(of::s).toArray(MemorySegment[]::new);
    long width = (long) parts.getFirst().shape().cols() * bytes;
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
