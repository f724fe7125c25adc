package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.load;
import static io.github.lora4j.vector.internal.Simd.rest;
import static io.github.lora4j.vector.internal.Simd.store;
import static io.github.lora4j.vector.internal.Simd.whole;

import java.lang.foreign.MemorySegment;

/** Rows times one factor for each column, and the sums over rows that are its gradient. */
public final class Columns {

  private Columns() {}

  public static void scale(MemorySegment x, MemorySegment scale, MemorySegment center, MemorySegment out, int cols, int from, int to) {
    long bytes = cols * 4L;
    for (int i = from; i < to; i++) {
      if (center.address() == 0) {
        scaleRow(x, scale, out, i * bytes, bytes);
      } else {
        scaleRowAround(x, scale, center, out, i * bytes, bytes);
      }
    }
  }

  private static void scaleRow(MemorySegment x, MemorySegment scale, MemorySegment out, long row, long bytes) {
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      store(load(x, row + j).mul(load(scale, j)), out, row + j);
    }
    if (j < bytes) {
      var rest = rest(j, bytes);
      store(load(x, row + j, rest).mul(load(scale, j, rest)), out, row + j, rest);
    }
  }

  private static void scaleRowAround(MemorySegment x, MemorySegment scale, MemorySegment center, MemorySegment out, long row, long bytes) {
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      var c = load(center, j);
      store(load(x, row + j).sub(c).fma(load(scale, j), c), out, row + j);
    }
    if (j < bytes) {
      var rest = rest(j, bytes);
      var c = load(center, j, rest);
      store(load(x, row + j, rest).sub(c).fma(load(scale, j, rest), c), out, row + j, rest);
    }
  }

  public static void dots(MemorySegment dy, MemorySegment x, MemorySegment center, MemorySegment sums, int slot, int cols, int from, int to) {
    long bytes = cols * 4L;
    Simd.zero(sums, slot * bytes, bytes);
    for (int i = from; i < to; i++) {
      if (center.address() == 0) {
        addProducts(dy, x, i * bytes, sums, slot * bytes, bytes);
      } else {
        addProductsAround(dy, x, center, i * bytes, sums, slot * bytes, bytes);
      }
    }
  }

  private static void addProducts(MemorySegment dy, MemorySegment x, long row, MemorySegment sum, long at, long bytes) {
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      store(load(dy, row + j).fma(load(x, row + j), load(sum, at + j)), sum, at + j);
    }
    if (j < bytes) {
      var rest = rest(j, bytes);
      store(load(dy, row + j, rest).fma(load(x, row + j, rest), load(sum, at + j, rest)), sum, at + j, rest);
    }
  }

  private static void addProductsAround(MemorySegment dy, MemorySegment x, MemorySegment center, long row, MemorySegment sum, long at,
      long bytes) {
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      store(load(x, row + j).sub(load(center, j)).fma(load(dy, row + j), load(sum, at + j)), sum, at + j);
    }
    if (j < bytes) {
      var rest = rest(j, bytes);
      store(load(x, row + j, rest).sub(load(center, j, rest)).fma(load(dy, row + j, rest), load(sum, at + j, rest)), sum, at + j, rest);
    }
  }
}
