package io.github.lora4j.checkpoint.internal;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Element-wise conversion between the dtypes of files. */
final class Conversion {

  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Conversion() {}

  static boolean possible(DType from, DType to) {
    return from == to || from.isFloat() && to.isFloat() || isInt(from) && isInt(to);
  }

  private static boolean isInt(DType dtype) {
    return dtype == DType.I32 || dtype == DType.I64;
  }

  /** Converts {@code count} elements; -1, or the index of the first one that does not fit. */
  static long convert(DType from, MemorySegment source, DType to, MemorySegment target, long count) {
    if (from == to) {
      MemorySegment.copy(source, 0, target, 0, count * from.bytes());
    } else if (from == DType.I32) {
      for (long i = 0; i < count; i++) {
        target.set(LONG, i * 8, source.get(INT, i * 4));
      }
    } else if (from == DType.I64) {
      for (long i = 0; i < count; i++) {
        long value = source.get(LONG, i * 8);
        if (value != (int) value) {
          return i;
        }
        target.set(INT, i * 4, (int) value);
      }
    } else {
      new Elements(from).convert(source, new Elements(to), target, count);
    }
    return -1;
  }

  /** Writes the low bits of an integer as one element. */
  static void storeBits(DType dtype, MemorySegment target, long i, long bits) {
    switch (dtype.bytes()) {
      case 1 -> target.set(ValueLayout.JAVA_BYTE, i, (byte) bits);
      case 2 -> target.set(SHORT, i * 2, (short) bits);
      case 4 -> target.set(INT, i * 4, (int) bits);
      default -> target.set(LONG, i * 8, bits);
    }
  }

  /**
   * Writes rows of a matrix as columns: {@code source[r, c]} goes to {@code target[c, firstRow + r]}. The target has
   * {@code totalRows} columns. Only element sizes are looked at.
   */
  static void transpose(int bytes, MemorySegment source, long firstRow, long rows, long columns, MemorySegment target, long totalRows) {
    for (long c = 0; c < columns; c++) {
      MemorySegment column = target.asSlice((c * totalRows + firstRow) * bytes, rows * bytes);
      switch (bytes) {
        case 2 -> gather2(source, c, columns, column, rows);
        case 4 -> gather4(source, c, columns, column, rows);
        default -> gatherAny(bytes, source, c, columns, column, rows);
      }
    }
  }

  private static void gather2(MemorySegment source, long c, long columns, MemorySegment column, long rows) {
    for (long r = 0; r < rows; r++) {
      column.set(SHORT, r * 2, source.get(SHORT, (r * columns + c) * 2));
    }
  }

  private static void gather4(MemorySegment source, long c, long columns, MemorySegment column, long rows) {
    for (long r = 0; r < rows; r++) {
      column.set(INT, r * 4, source.get(INT, (r * columns + c) * 4));
    }
  }

  private static void gatherAny(int bytes, MemorySegment source, long c, long columns, MemorySegment column, long rows) {
    for (long r = 0; r < rows; r++) {
      MemorySegment.copy(source, (r * columns + c) * bytes, column, r * bytes, bytes);
    }
  }
}
