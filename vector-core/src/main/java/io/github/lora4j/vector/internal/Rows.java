package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.all;
import static io.github.lora4j.vector.internal.Simd.load;
import static io.github.lora4j.vector.internal.Simd.rest;
import static io.github.lora4j.vector.internal.Simd.store;
import static io.github.lora4j.vector.internal.Simd.whole;

import io.github.lora4j.vector.Kernels;
import java.lang.foreign.MemorySegment;

/** Sums and means of rows: all are sums of weighted rows, a row at a time. Contracts are those of {@code Kernels}. */
public final class Rows {

  private Rows() {}

  public static void scatterAdd(MemorySegment dy, Kernels.ScatterIndex index, boolean mean, MemorySegment table, int cols, int from, int to) {
    long bytes = cols * 4L;
    for (int u = from; u < to; u++) {
      int first = Operands.id(index.starts(), u);
      int end = Operands.id(index.starts(), u + 1);
      long at = Operands.id(index.unique(), u) * bytes;
      for (int j = first; j < end; j++) {
        if (mean) {
          addScaled(1f / (end - first), dy, Operands.id(index.order(), j) * bytes, table, at, bytes);
        } else {
          addRow(dy, Operands.id(index.order(), j) * bytes, table, at, bytes);
        }
      }
    }
  }

  public static void columnSums(MemorySegment x, MemorySegment sums, int slot, int cols, int from, int to) {
    long bytes = cols * 4L;
    Simd.zero(sums, slot * bytes, bytes);
    for (int i = from; i < to; i++) {
      addRow(x, i * bytes, sums, slot * bytes, bytes);
    }
  }

  public static void addPartials(MemorySegment partial, int slots, MemorySegment out, int cols, int from, int to) {
    for (int slot = 0; slot < slots; slot++) {
      addRow(partial, (slot * (long) cols + from) * 4, out, from * 4L, (to - from) * 4L);
    }
  }

  public static void rangeSum(MemorySegment x, MemorySegment ranges, boolean mean, MemorySegment out, int cols, int from, int to) {
    long bytes = cols * 4L;
    for (int i = from; i < to; i++) {
      int start = Operands.id(ranges, 2L * i);
      int length = Operands.id(ranges, 2L * i + 1);
      Simd.zero(out, i * bytes, bytes);
      for (int row = start; row < start + length; row++) {
        addRow(x, row * bytes, out, i * bytes, bytes);
      }
      if (mean && length > 1) {
        Elementwise.scale(out, 1f / length, out, (long) i * cols, (long) (i + 1) * cols);
      }
    }
  }

  public static void rangeSumGrad(MemorySegment dy, MemorySegment ranges, boolean mean, MemorySegment addend, MemorySegment dx, int cols, int from,
      int to) {
    long bytes = cols * 4L;
    for (int i = from; i < to; i++) {
      int start = Operands.id(ranges, 2L * i);
      int length = Operands.id(ranges, 2L * i + 1);
      for (int row = start; row < start + length; row++) {
        if (Operands.absent(addend)) {
          Simd.zero(dx, row * bytes, bytes);
        } else {
          MemorySegment.copy(addend, row * bytes, dx, row * bytes, bytes);
        }
        addScaled(mean ? 1f / length : 1f, dy, i * bytes, dx, row * bytes, bytes);
      }
    }
  }

  /** out += x, {@code bytes} bytes at each place. */
  static void addRow(MemorySegment x, long at, MemorySegment out, long outAt, long bytes) {
    sumRow(out, outAt, x, at, out, outAt, bytes);
  }

  /** out = x + y; out may be x. */
  public static void sumRow(MemorySegment x, long at, MemorySegment y, long yAt, MemorySegment out, long outAt, long bytes) {
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      store(load(x, at + j).add(load(y, yAt + j)), out, outAt + j);
    }
    if (j < bytes) {
      var rest = rest(j, bytes);
      store(load(x, at + j, rest).add(load(y, yAt + j, rest)), out, outAt + j, rest);
    }
  }

  /** out += weight·x. */
  public static void addScaled(float weight, MemorySegment x, long at, MemorySegment out, long outAt, long bytes) {
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      store(load(x, at + j).fma(all(weight), load(out, outAt + j)), out, outAt + j);
    }
    if (j < bytes) {
      var rest = rest(j, bytes);
      store(load(x, at + j, rest).fma(all(weight), load(out, outAt + j, rest)), out, outAt + j, rest);
    }
  }
}
