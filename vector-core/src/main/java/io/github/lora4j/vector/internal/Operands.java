package io.github.lora4j.vector.internal;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.github.lora4j.vector.ConfigException;
import java.lang.foreign.MemorySegment;

/** What kernels ask of their operands. */
public final class Operands {

  /** A row with this label is not counted. */
  public static final int IGNORED = -100;

  private Operands() {}

  /** Entry {@code i} of a table of I32. */
  public static int id(MemorySegment s, long i) {
    return s.get(JAVA_INT_UNALIGNED, i * 4);
  }

  /** The label of a row, checked: in [0, cols) or {@link #IGNORED}. */
  public static int label(MemorySegment labels, int row, int cols) {
    int label = id(labels, row);
    if (label != IGNORED && (label < 0 || label >= cols)) {
      throw new ConfigException("cross-entropy: the label of row %d is %d, expected 0 to %d, or %d for a row that does not count"
          .formatted(row, label, cols - 1, IGNORED));
    }
    return label;
  }

  /** The column that a pick names, checked: in [0, cols), or negative for none. */
  public static int column(MemorySegment columns, long pick, int cols) {
    int column = id(columns, pick);
    if (column >= cols || column < 0 && column != -1 && column != IGNORED) {
      throw new ConfigException("log-softmax: column number %d is %d, expected 0 to %d, or -1 or %d for none".formatted(pick, column, cols - 1,
          IGNORED));
    }
    return column;
  }

  /** Whether the operand is {@link MemorySegment#NULL}. */
  public static boolean absent(MemorySegment s) {
    return s.address() == 0;
  }
}
