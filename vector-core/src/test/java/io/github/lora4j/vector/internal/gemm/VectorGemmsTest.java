package io.github.lora4j.vector.internal.gemm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.ForcedWidth;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Gemm.Form;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;

class VectorGemmsTest {

  @Test
  void everyFormAgreesWithATripleLoopWhateverTheWorkers() {
    GemmChecks.run(100);
  }

  @ParameterizedTest
  @FieldSource("io.github.lora4j.vector.ForcedWidth#WIDTHS")
  void everyWidthAgreesWithATripleLoop(List<String> flags) throws Exception {
    ForcedWidth.run(GemmChecks.class, flags);
  }

  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"F16", "BF16"})
  void widensEveryStoredValueExactly(DType storage) {
    try (Memory memory = new Memory("test")) {
      MemorySegment narrow = memory.allocate(2 << 16, "narrow");
      MemorySegment wide = memory.allocate(4 << 16, "wide");
      for (int i = 0; i < 1 << 16; i++) {
        narrow.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) i);
      }
      Copies.widen(storage, narrow, 0, 1 << 16, wide, 0);
      for (int i = 0; i < 1 << 16; i++) {
        float want = storage == DType.F16 ? Float.float16ToFloat((short) i) : DType.bf16ToFloat((short) i);
        float got = wide.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        assertEquals(Float.floatToIntBits(want), Float.floatToIntBits(got), "bits " + Integer.toHexString(i));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"NT, 96, 96", "NN, 96, 96", "TN, 96, 96", "NT, 8, 96", "NN, 8, 96", "TN, 8, 96", "NT, 96, 8", "NN, 96, 8"})
  void runningAllocatesNothing(Form form, int n, int k) {
    Gemm.Spec spec = new Gemm.Spec(form, 96, 40, n, k, 1, false, DType.F32);
    try (Memory memory = new Memory("test"); Workers workers = new Workers(2)) {
      MemorySegment x = memory.allocate(96 * 96 * 4, "operand");
      MemorySegment scratch = memory.allocate(VectorGemms.gemmScratchBytes(spec, 2), "scratch");
      Gemm gemm = VectorGemms.gemm(spec, new Gemm.Operands(x, x, MemorySegment.NULL, MemorySegment.NULL,
          memory.allocate(96 * 96 * 4, "C"), scratch));
      // Until the second compiler has been there, vectors are objects: measure when a round costs nothing any more.
      long round = Long.MAX_VALUE;
      for (int attempt = 0; attempt < 200 && round > 10_000; attempt++) {
        long before = allocated();
        for (int i = 0; i < 200; i++) {
          gemm.run(workers, 96);
        }
        round = allocated() - before;
      }
      assertTrue(round <= 10_000, round + " bytes in 200 runs");
    }
  }

  private static long allocated() {
    return ((ThreadMXBean) ManagementFactory.getThreadMXBean()).getTotalThreadAllocatedBytes();
  }

  @Test
  void refusesWhatItCannotDo() {
    MemorySegment none = MemorySegment.NULL;
    assertThrows(ConfigException.class, () -> VectorGemms.packedBytes(8, 8, DType.I8));
    Gemm.Spec packedOuter = new Gemm.Spec(Form.TN, 8, 8, 8, 0, 1, true, DType.F32);
    assertThrows(ConfigException.class, () -> VectorGemms.gemm(packedOuter, new Gemm.Operands(none, none, none, none, none, none)));
    Gemm.Spec spec = new Gemm.Spec(Form.NT, 4, 0, 8, 8, 1, false, DType.F32);
    try (Memory memory = new Memory("test"); Workers workers = new Workers(1)) {
      MemorySegment small = memory.allocate(64, "operand");
      assertThrows(IllegalArgumentException.class,
          () -> VectorGemms.gemm(spec, new Gemm.Operands(small, small, none, none, small, small)));
      MemorySegment enough = memory.allocate(4096, "operand");
      Gemm gemm = VectorGemms.gemm(spec, new Gemm.Operands(enough, enough, none, none, enough, small));
      assertThrows(IllegalArgumentException.class, () -> gemm.run(workers, 4), "scratch is too small");
      assertThrows(IllegalArgumentException.class, () -> gemm.run(workers, 5), "more rows than prepared for");
    }
  }
}
