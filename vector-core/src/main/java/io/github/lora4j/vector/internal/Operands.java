package io.github.lora4j.vector.internal;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** What kernels ask of their operands. */
public final class Operands {

  private Operands() {}

  /** Entry {@code i} of a table of I32. */
  public static int id(MemorySegment s, long i) {
    return s.get(JAVA_INT_UNALIGNED, i * 4);
  }

  /** Whether the operand is {@link MemorySegment#NULL}. */
  public static boolean absent(MemorySegment s) {
    return s.address() == 0;
  }
}
