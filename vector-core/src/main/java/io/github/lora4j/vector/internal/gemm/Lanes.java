package io.github.lora4j.vector.internal.gemm;

import io.github.lora4j.vector.internal.Simd;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** What the machine's vectors are; everything here is constant once compiled. */
final class Lanes {

  static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  /** Floats in a vector. */
  static final int COUNT = SPECIES.length();
  /** Bytes in a vector. */
  static final long WIDTH = SPECIES.vectorByteSize();
  static final boolean MANY_REGISTERS = Simd.MANY_REGISTERS;

  static final ByteOrder NATIVE = ByteOrder.nativeOrder();
  static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  private Lanes() {}

  /** Vectors that {@code floats} floats fill, the last one perhaps in part. */
  static int vectors(int floats) {
    return (floats + COUNT - 1) / COUNT;
  }

  /** Bytes of {@code floats} floats. */
  static long bytes(long floats) {
    return floats * Float.BYTES;
  }
}
