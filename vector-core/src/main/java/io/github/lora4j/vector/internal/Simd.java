package io.github.lora4j.vector.internal;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vectors of this machine, and access to native memory in them. Offsets are in bytes.
 *
 * <p>Vectors may only pass between methods that C2 inlines (short, static, called from one loop), or each becomes an object.
 */
public final class Simd {
  public static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  public static final VectorShape SHAPE = F.vectorShape();
  public static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, SHAPE);
  public static final VectorSpecies<Long> L = VectorSpecies.of(long.class, SHAPE);
  public static final VectorSpecies<Double> D = VectorSpecies.of(double.class, SHAPE);
  /** Floats in a vector. */
  public static final int LANES = F.length();
  /** Bytes in a vector. */
  public static final int BYTES = F.vectorByteSize();

  /** Whether Graal's compiler makes the machine code, and not C2. */
  public static final boolean GRAAL = graal();

  /**
   * Whether there are 32 vector registers (AVX-512, NEON, SVE) and not 16. Tiles are chosen by this and not by width: one accumulator too many costs
   * a factor of two to five. On x86 Graal's compiler makes use of 16 alone.
   */
  public static final boolean MANY_REGISTERS = !System.getProperty("os.arch").matches("amd64|x86_64|x86") || LANES >= 16 && !GRAAL;

  static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final VectorShuffle<Float> HALF = rotate(F, 2);
  private static final VectorShuffle<Float> QUARTER = rotate(F, 4);
  private static final VectorShuffle<Float> EIGHTH = rotate(F, 8);
  private static final VectorShuffle<Float> SIXTEENTH = rotate(F, 16);
  private static final VectorShuffle<Double> D_HALF = rotate(D, 2);
  private static final VectorShuffle<Double> D_QUARTER = rotate(D, 4);
  private static final VectorShuffle<Double> D_EIGHTH = rotate(D, 8);

  /** Masks of the first i lanes. Made once, for one that is made where it is used may be garbage each time. */
  @SuppressWarnings({"unchecked", "rawtypes"})
  private static final VectorMask<Float>[] RESTS = new VectorMask[LANES];

  static {
    Arrays.setAll(RESTS, i -> F.indexInRange(0, i));
  }

  private Simd() {}

  private static boolean graal() {
    // The module is there where the compiler's interface is open, as TornadoVM needs it too; asking for it is cheap.
    return ModuleLayer.boot().findModule("jdk.internal.vm.ci").isPresent()
        && "true".equals(ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class).getVMOption("UseJVMCICompiler").getValue());
  }

  private static <E> VectorShuffle<E> rotate(VectorSpecies<E> species, int divisor) {
    return VectorShuffle.fromOp(species, i -> (i + species.length() / divisor) % species.length());
  }

  public static FloatVector load(MemorySegment s, long at) {
    return FloatVector.fromMemorySegment(F, s, at, ORDER);
  }

  /** The lanes of the mask; the others are 0 and are not read. */
  public static FloatVector load(MemorySegment s, long at, VectorMask<Float> mask) {
    return FloatVector.fromMemorySegment(F, s, at, ORDER, mask);
  }

  public static void store(FloatVector v, MemorySegment s, long at) {
    v.intoMemorySegment(s, at, ORDER);
  }

  public static void store(FloatVector v, MemorySegment s, long at, VectorMask<Float> mask) {
    v.intoMemorySegment(s, at, ORDER, mask);
  }

  public static FloatVector all(float value) {
    return FloatVector.broadcast(F, value);
  }

  /** Clears {@code bytes} bytes. */
  public static void zero(MemorySegment s, long at, long bytes) {
    long end = at + bytes;
    for (long bound = whole(at, end); at < bound; at += BYTES) {
      store(all(0f), s, at);
    }
    if (at < end) {
      store(all(0f), s, at, rest(at, end));
    }
  }

  /** Where whole vectors end in the bytes [at, end). */
  public static long whole(long at, long end) {
    return at + (end - at & -BYTES);
  }

  /** The lanes that are left in the bytes [at, end), less than a vector. */
  public static VectorMask<Float> rest(long at, long end) {
    return RESTS[(int) (end - at >> 2)];
  }

  /**
   * Sum of the lanes in an order of its own. {@code reduceLanes(ADD)} leaves the order open, and so may give other bits once the
   * code is compiled.
   */
  public static float sum(FloatVector v) {
    v = v.add(v.rearrange(HALF));
    if (LANES > 2) {
      v = v.add(v.rearrange(QUARTER));
    }
    if (LANES > 4) {
      v = v.add(v.rearrange(EIGHTH));
    }
    if (LANES > 8) {
      v = v.add(v.rearrange(SIXTEENTH));
    }
    return v.lane(0);
  }

  /** Sum of the lanes, likewise. */
  public static double sum(DoubleVector v) {
    v = v.add(v.rearrange(D_HALF));
    if (LANES > 4) {
      v = v.add(v.rearrange(D_QUARTER));
    }
    if (LANES > 8) {
      v = v.add(v.rearrange(D_EIGHTH));
    }
    return v.lane(0);
  }

  /** The greatest lane; NaN when there is one. */
  public static float max(FloatVector v) {
    return v.reduceLanes(VectorOperators.MAX);
  }

  /** Half of the lanes as doubles: part 0 or 1. */
  public static DoubleVector widen(FloatVector v, int part) {
    return (DoubleVector) v.convertShape(VectorOperators.F2D, D, part);
  }
}
