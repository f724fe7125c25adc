package io.github.lora4j.checkpoint.internal;

import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Streams a tensor's elements from where they are stored into the caller's memory, in chunks. */
final class TensorReader {

  private static final long CHUNK_BYTES = 1 << 20;

  /** Where elements come from: fills the target with consecutive elements in their stored dtype. */
  interface Elements {
    /** Reads as many elements as the target holds, following those of the previous call. */
    void next(MemorySegment target);
  }

  private TensorReader() {}

  /** Reads elements stored in the same order as wanted. */
  static void read(String file, TensorInfo info, Elements elements, DType as, MemorySegment target) {
    check(file, info, as, target);
    if (as == info.dtype()) {
      elements.next(target);
      return;
    }
    long step = CHUNK_BYTES / Math.max(info.dtype().bytes(), as.bytes());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment chunk = arena.allocate(Math.max(1, Math.min(CHUNK_BYTES, info.bytes())), 64);
      for (long i = 0; i < info.elements(); i += step) {
        long n = Math.min(step, info.elements() - i);
        MemorySegment stored = chunk.asSlice(0, n * info.dtype().bytes());
        elements.next(stored);
        convert(file, info, i, stored, as, target.asSlice(i * as.bytes(), n * as.bytes()), n);
      }
    }
  }

  /** Reads rows into blocks of a format, a few at a time: the tensor's floats are never there together. */
  static void encode(String file, TensorInfo info, Elements elements, WeightFormat as, MemorySegment target) {
    int cols = info.shape().isEmpty() ? 1 : Math.toIntExact(info.shape().getLast());
    long rows = cols == 0 ? 0 : info.elements() / cols;
    long rowBytes = WeightFormats.rowBytes(as, cols);
    if (target.byteSize() != rows * rowBytes) {
      throw new ConfigException("%s: tensor %s %s as %s needs a target of %d bytes, got %d".formatted(file, info.name(), info.shape(), as.name(),
          rows * rowBytes, target.byteSize()));
    }
    if (!Conversion.possible(info.dtype(), DType.F32)) {
      throw new FormatException(file + ": tensor " + info.name() + ": is " + info.dtype() + " and cannot be read as " + as.name());
    }
    if (rows == 0) {
      return;
    }
    int step = (int) Math.min(rows, Math.max(1, CHUNK_BYTES / ((long) cols * Float.BYTES)));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment stored = arena.allocate((long) step * cols * info.dtype().bytes(), 64);
      MemorySegment floats = arena.allocate((long) step * cols * Float.BYTES, 64);
      for (long row = 0; row < rows; row += step) {
        int n = (int) Math.min(step, rows - row);
        MemorySegment slice = stored.asSlice(0, (long) n * cols * info.dtype().bytes());
        elements.next(slice);
        convert(file, info, row * cols, slice, DType.F32, floats, (long) n * cols);
        WeightFormats.encode(as, n, cols, new io.github.lora4j.vector.Elements(DType.F32), floats.asSlice(0, (long) n * cols * Float.BYTES),
            target.asSlice(row * rowBytes, n * rowBytes));
      }
    }
  }

  /** Reads a matrix whose stored form is the transpose of {@code info}: stored [shape[1], shape[0]]. */
  static void readTransposed(String file, TensorInfo info, Elements elements, DType as, MemorySegment target) {
    check(file, info, as, target);
    long columns = info.shape().get(0);
    long rows = info.shape().get(1);
    if (info.elements() == 0) {
      return;
    }
    long step = Math.max(1, CHUNK_BYTES / (columns * 8));
    try (Arena arena = Arena.ofConfined()) {
      long most = Math.min(step, rows) * columns;
      MemorySegment stored = arena.allocate(most * info.dtype().bytes(), 64);
      MemorySegment converted = arena.allocate(most * as.bytes(), 64);
      for (long row = 0; row < rows; row += step) {
        long n = Math.min(step, rows - row);
        MemorySegment slice = stored.asSlice(0, n * columns * info.dtype().bytes());
        elements.next(slice);
        convert(file, info, row * columns, slice, as, converted, n * columns);
        Conversion.transpose(as.bytes(), converted, row, n, columns, target, rows);
      }
    }
  }

  private static void convert(
      String file, TensorInfo info, long first, MemorySegment stored, DType as, MemorySegment target, long count) {
    long bad = Conversion.convert(info.dtype(), stored, as, target, count);
    if (bad >= 0) {
      throw new FormatException(
          file + ": tensor " + info.name() + ": element " + (first + bad) + " does not fit " + as + "; read it as " + info.dtype());
    }
  }

  private static void check(String file, TensorInfo info, DType as, MemorySegment target) {
    if (!Conversion.possible(info.dtype(), as)) {
      throw new FormatException(file + ": tensor " + info.name() + ": is " + info.dtype() + " and cannot be read as " + as);
    }
    long expected = Math.multiplyExact(info.elements(), (long) as.bytes());
    if (target.byteSize() != expected) {
      throw new ConfigException(
          file + ": tensor " + info.name() + " " + info.shape() + " as " + as + " needs a target of " + expected + " bytes, got "
              + target.byteSize());
    }
  }
}
