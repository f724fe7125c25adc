package io.github.lora4j.vector.internal.gemm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class EarlyGemmTest {

  private static final int ROWS = 20;

  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"F32", "F16", "BF16"})
  void plainLoopsHaveTheBitsOfKernels(DType type) {
    WeightFormat storage = new Elements(type);
    Random random = new Random(5);
    for (int k : new int[] {1, 40, 200, 1024, 1500}) {
      for (int n : new int[] {1, 50, 64, 200, 256}) {
        for (int with = 0; with < 4; with++) {
          Gemm.Spec spec = new Gemm.Spec(Gemm.Form.NT, ROWS, 0, n, k, with == 3 ? 0.3 : 1, true, storage);
          try (Memory memory = new Memory("test"); Workers workers = new Workers(3)) {
            MemorySegment c = memory.allocate(4L * ROWS * n, "C");
            Gemm.Operands operands = operands(memory, random, spec, c, with);
            Gemm.Then twice = (from, to) -> {
              for (long i = from; i < to; i++) {
                c.setAtIndex(ValueLayout.JAVA_FLOAT, i, 2 * c.getAtIndex(ValueLayout.JAVA_FLOAT, i));
              }
            };
            Gemm kernels = VectorGemms.gemm(spec, operands, twice);
            Gemm plain = new PlainGemm(spec, operands, (PackedElements) Packed.of(storage), new Output(spec, operands, twice));
            for (int rows : new int[] {0, 1, 2, 4, 5, 8, 9, ROWS}) {
              assertArrayEquals(result(kernels, workers, rows, c), result(plain, workers, rows, c), rows + " rows of " + spec + ", " + with);
            }
          }
        }
      }
    }
  }

  private static Gemm.Operands operands(Memory memory, Random random, Gemm.Spec spec, MemorySegment c, int with) {
    int n = spec.n();
    MemorySegment panels = memory.allocate(VectorGemms.packedBytes(n, spec.k(), spec.storage()), "panels");
    VectorGemms.pack(n, spec.k(), normal(memory, random, n * spec.k()), panels, spec.storage());
    return new Gemm.Operands(normal(memory, random, ROWS * spec.k()), panels, (with & 1) == 0 ? MemorySegment.NULL : normal(memory, random, n),
        (with & 2) == 0 ? MemorySegment.NULL : normal(memory, random, ROWS * n), c, memory.allocate(VectorGemms.gemmScratchBytes(spec, 3), "scratch"));
  }

  private static byte[] result(Gemm gemm, Workers workers, int rows, MemorySegment c) {
    c.fill((byte) 7);
    gemm.run(workers, rows);
    return c.toArray(ValueLayout.JAVA_BYTE);
  }

  /** The way there goes by plain loops, and by kernels when they are compiled; nobody sees when. */
  @Test
  void bitsStayWhileKernelsAreCompiled() {
    Random random = new Random(6);
    Gemm.Spec spec = new Gemm.Spec(Gemm.Form.NT, ROWS, 0, 200, 256, 1, true, WeightFormat.F16);
    try (Memory memory = new Memory("test"); Workers workers = new Workers(2)) {
      MemorySegment c = memory.allocate(4L * ROWS * spec.n(), "C");
      Gemm.Operands operands = operands(memory, random, spec, c, 1);
      Gemm early = assertInstanceOf(EarlyGemm.class, VectorGemms.early(spec, operands, Gemm.Then.NOTHING));
      Gemm kernels = VectorGemms.gemm(spec, operands);
      int[] all = {1, 3, 7};
      byte[][] want = new byte[all.length][];
      for (int i = 0; i < all.length; i++) {
        want[i] = result(kernels, workers, all[i], c);
      }
      for (int i = 0; i < 3000; i++) {
        assertArrayEquals(want[i % all.length], result(early, workers, all[i % all.length], c), i + ": " + all[i % all.length] + " rows");
      }
    }
  }

  private static MemorySegment normal(Memory memory, Random random, int count) {
    MemorySegment segment = memory.allocate(4L * count, "operand");
    for (int i = 0; i < count; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return segment;
  }
}
