package io.github.lora4j.vector.internal.blocks;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Bytes as lanes of numbers, and tables of sixteen floats that nibbles choose from. Everything is constant once compiled. */
final class Lane {

  static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());
  static final int COUNT = FLOATS.length();
  static final long WIDTH = FLOATS.vectorByteSize();
  /** Values of the smallest group: low nibbles of sixteen bytes and the high ones. */
  static final int CHUNK = 32;
  /** Vectors of four floats are too short for bytes; plain code it is. */
  static final boolean FEW = COUNT != 8 && COUNT != 16;
  /** Whether a table of sixteen is one vector; otherwise two. */
  static final boolean WIDE = COUNT == 16;

  static final VectorSpecies<Byte> BYTES = VectorSpecies.of(byte.class, VectorShape.forBitSize(FEW ? 64 : COUNT * Byte.SIZE));
  static final ByteOrder NATIVE = ByteOrder.nativeOrder();
  static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private Lane() {}

  /** Bytes, 0 to 255. */
  static IntVector unsigned(MemorySegment s, long at) {
    return (IntVector) ByteVector.fromMemorySegment(BYTES, s, at, NATIVE).convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
  }

  /** Bytes, −128 to 127, as floats. */
  static FloatVector signed(MemorySegment s, long at) {
    return (FloatVector) ByteVector.fromMemorySegment(BYTES, s, at, NATIVE).convertShape(VectorOperators.B2F, FLOATS, 0);
  }

  static FloatVector floats(IntVector n) {
    return (FloatVector) n.convert(VectorOperators.I2F, 0);
  }

  static FloatVector load(MemorySegment s, long at) {
    return FloatVector.fromMemorySegment(FLOATS, s, at, NATIVE);
  }

  static void store(FloatVector v, MemorySegment s, long at) {
    v.intoMemorySegment(s, at, NATIVE);
  }

  static float half(MemorySegment s, long at) {
    return Float.float16ToFloat(s.get(SHORT, at));
  }

  static float f32(MemorySegment s, long at) {
    return s.get(FLOAT, at);
  }

  static int u8(MemorySegment s, long at) {
    return s.get(ValueLayout.JAVA_BYTE, at) & 255;
  }

  static long i64(MemorySegment s, long at) {
    return s.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
  }

  static int i32(MemorySegment s, long at) {
    return s.get(ValueLayout.JAVA_INT_UNALIGNED, at);
  }

  static IntVector shr(IntVector n, int bits) {
    return n.lanewise(VectorOperators.LSHR, bits);
  }

  /** The first or second vector of a table; the same where one has all. */
  static FloatVector table(float[] values, int part) {
    return FloatVector.fromArray(FLOATS, values, WIDE || FEW ? 0 : part * COUNT);
  }

  /** What the low four bits of each lane choose. */
  static FloatVector low(IntVector n, FloatVector first, FloatVector second) {
    IntVector one = n.selectFrom(first.reinterpretAsInts());
    if (WIDE) {
      return one.reinterpretAsFloats();
    }
    IntVector two = n.selectFrom(second.reinterpretAsInts());
    return one.blend(two, n.and(COUNT).compare(VectorOperators.NE, 0)).reinterpretAsFloats();
  }

  /** Sixteen bytes: what low nibbles choose goes to the first sixteen values, what high ones do to {@code high}. */
  static void nibbles(MemorySegment s, long at, FloatVector first, FloatVector second, MemorySegment out, long to, long high) {
    IntVector n = unsigned(s, at);
    store(low(n, first, second), out, to);
    store(low(shr(n, 4), first, second), out, high);
    if (!WIDE) {
      IntVector m = unsigned(s, at + COUNT);
      store(low(m, first, second), out, to + WIDTH);
      store(low(shr(m, 4), first, second), out, high + WIDTH);
    }
  }

  /** The same times {@code x}, added to a sum. */
  static FloatVector dot(MemorySegment s, long at, FloatVector first, FloatVector second, MemorySegment x, long from, FloatVector sum) {
    IntVector n = unsigned(s, at);
    FloatVector next = low(n, first, second).fma(load(x, from), sum);
    next = low(shr(n, 4), first, second).fma(load(x, from + 64), next);
    if (!WIDE) {
      IntVector m = unsigned(s, at + COUNT);
      next = low(m, first, second).fma(load(x, from + WIDTH), next);
      next = low(shr(m, 4), first, second).fma(load(x, from + 64 + WIDTH), next);
    }
    return next;
  }
}
