package io.github.lora4j.vector.internal.gemm;

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
  /**
   * Whether there are 32 vector registers (AVX-512, NEON, SVE) and not 16. Tiles are chosen by this and not by width: one accumulator
   * too many costs a factor of two to three.
   */
  static final boolean MANY_REGISTERS = COUNT >= 16 || !isX86();

  static final ByteOrder NATIVE = ByteOrder.nativeOrder();
  static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  private Lanes() {}

  private static boolean isX86() {
    String arch = System.getProperty("os.arch");
    return arch.equals("amd64") || arch.equals("x86_64") || arch.equals("x86");
  }

  /** Vectors that {@code floats} floats fill, the last one perhaps in part. */
  static int vectors(int floats) {
    return (floats + COUNT - 1) / COUNT;
  }

  /** Bytes of {@code floats} floats. */
  static long bytes(long floats) {
    return floats * Float.BYTES;
  }
}
