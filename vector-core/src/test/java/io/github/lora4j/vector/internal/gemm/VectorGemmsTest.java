package io.github.lora4j.vector.internal.gemm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.ForcedWidth;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Gemm.Form;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Scaled8;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import io.github.lora4j.vector.blocks.GgufFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

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
      ((PackedElements) Packed.of(new Elements(storage))).widen(narrow, 0, 1 << 16, wide, 0);
      for (int i = 0; i < 1 << 16; i++) {
        float want = storage == DType.F16 ? Float.float16ToFloat((short) i) : DType.bf16ToFloat((short) i);
        float got = wide.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        assertEquals(Float.floatToIntBits(want), Float.floatToIntBits(got), "bits " + Integer.toHexString(i));
      }
    }
  }

  /** Both ways of widening, exactly: a product of depth 1 with a row of one is the stored value itself. */
  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"F16", "BF16"})
  void fewRowsWidenEveryStoredValueExactly(DType storage) {
    int n = 1 << 16;
    for (int rows : new int[] {1, 2}) {
      try (Memory memory = new Memory("test"); Workers workers = new Workers(1)) {
        Gemm.Spec spec = new Gemm.Spec(Form.NT, 2, 0, n, 1, 1, true, new Elements(storage));
        MemorySegment ones = memory.allocate(8, "A");
        ones.fill((byte) 0);
        MemorySegment panels = memory.allocate(VectorGemms.packedBytes(n, 1, new Elements(storage)), "panels");
        MemorySegment c = memory.allocate(8L * n, "C");
        for (int i = 0; i < n; i++) {
          panels.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) i);
        }
        for (int i = 0; i < rows; i++) {
          ones.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
        }
        VectorGemms.gemm(spec, new Gemm.Operands(ones, panels, MemorySegment.NULL, MemorySegment.NULL, c,
            memory.allocate(VectorGemms.gemmScratchBytes(spec, 1), "scratch"))).run(workers, rows);
        for (int i = 0; i < n * rows; i++) {
          float want = storage == DType.F16 ? Float.float16ToFloat((short) i) : DType.bf16ToFloat((short) i);
          assertEquals(want + 0f, c.getAtIndex(ValueLayout.JAVA_FLOAT, i), 0f, "bits " + Integer.toHexString(i & 0xFFFF));
        }
      }
    }
  }

  /** A token has the same bits alone and in a batch. */
  @ParameterizedTest
  @MethodSource("formats")
  void fewRowsHaveTheBitsOfMany(WeightFormat storage) {
    Random random = new Random(3);
    for (int k : new int[] {40, 1024, 1500, 2100}) {
      for (int n : new int[] {50, 256, 400}) {
        Gemm.Spec spec = new Gemm.Spec(Form.NT, 6, 0, n, k, 1, true, storage);
        try (Memory memory = new Memory("test"); Workers workers = new Workers(2)) {
          MemorySegment a = normal(memory, random, 6 * k);
          MemorySegment panels = memory.allocate(VectorGemms.packedBytes(n, k, storage), "panels");
          VectorGemms.pack(n, k, normal(memory, random, n * k), panels, storage);
          MemorySegment c = memory.allocate(24L * n, "C");
          Gemm gemm = VectorGemms.gemm(spec, new Gemm.Operands(a, panels, MemorySegment.NULL, MemorySegment.NULL, c,
              memory.allocate(VectorGemms.gemmScratchBytes(spec, 2), "scratch")));
          gemm.run(workers, 6);
          byte[] want = c.toArray(ValueLayout.JAVA_BYTE);
          for (int rows = 1; rows <= 5; rows++) {
            c.fill((byte) 0);
            gemm.run(workers, rows);
            int bytes = 4 * n * rows;
            assertArrayEquals(Arrays.copyOf(want, bytes), c.asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE), rows + " rows of " + spec);
          }
        }
      }
    }
  }

  static List<WeightFormat> formats() {
    return List.of(WeightFormat.F32, WeightFormat.F16, WeightFormat.BF16, new Scaled8(32), new Scaled8(7));
  }

  /** A row of a thin product has the same bits however many rows the product is made for: an evaluation gives what training gave. */
  @ParameterizedTest
  @EnumSource(value = Form.class, names = {"NT", "NN"})
  void thinProductsDoNotShowHowManyRowsTheyAreFor(Form form) {
    Random random = new Random(4);
    for (int k : new int[] {32, 40, 384}) {
      for (int n : new int[] {1, 2, 5, 8, 13, 16}) {
        try (Memory memory = new Memory("test"); Workers workers = new Workers(2)) {
          MemorySegment a = normal(memory, random, 100 * k);
          MemorySegment b = normal(memory, random, n * k);
          byte[] want = thin(form, 100, n, k, a, b, memory, workers);
          for (int rows : new int[] {1, 3, 7, 8, 9, 66}) {
            assertArrayEquals(Arrays.copyOf(want, 4 * rows * n), thin(form, rows, n, k, a, b, memory, workers), rows + " x " + n + " x " + k);
          }
        }
      }
    }
  }

  private static byte[] thin(Form form, int rows, int n, int k, MemorySegment a, MemorySegment b, Memory memory, Workers workers) {
    Gemm.Spec spec = new Gemm.Spec(form, rows, 0, n, k, 0.5, false, WeightFormat.F32);
    MemorySegment c = memory.allocate(4L * rows * n, "C");
    VectorGemms.gemm(spec, new Gemm.Operands(a, b, MemorySegment.NULL, MemorySegment.NULL, c,
        memory.allocate(VectorGemms.gemmScratchBytes(spec, 2), "scratch"))).run(workers, rows);
    return c.asSlice(0, 4L * rows * n).toArray(ValueLayout.JAVA_BYTE);
  }

  private static MemorySegment normal(Memory memory, Random random, int count) {
    MemorySegment segment = memory.allocate(4L * count, "operand");
    for (int i = 0; i < count; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return segment;
  }

  /** Each class of shapes has the kernel meant for it: LoRA's products and gradients of a small rank do not take the wide ones. */
  @Test
  void everyShapeHasItsKernel() {
    // An adapter of rank 8 and one of 32 on 768 columns: x·Aᵀ, h·Bᵀ, dy·B, dh·A, dB = dyᵀ·h, dA = dhᵀ·x.
    for (int rank : new int[] {8, 32}) {
      assertEquals(rank <= NarrowTiles.COLUMNS ? NarrowGemm.class : PanelGemm.class, kernel(Form.NT, 512, 0, rank, 768, false));
      assertEquals(rank <= ShallowGemm.MOST_DEPTH ? ShallowGemm.class : PanelGemm.class, kernel(Form.NT, 512, 0, 768, rank, false));
      assertEquals(rank <= NarrowTiles.COLUMNS ? NarrowGemm.class : PanelGemm.class, kernel(Form.NN, 512, 0, rank, 768, false));
      assertEquals(rank <= ShallowGemm.MOST_DEPTH ? ShallowGemm.class : PanelGemm.class, kernel(Form.NN, 512, 0, 768, rank, false));
      assertEquals(StripGemm.class, kernel(Form.TN, 512, 768, rank, 0, false));
      assertEquals(StripGemm.class, kernel(Form.TN, 512, rank, 768, 0, false));
    }
    // A rank beyond them is a product like any other.
    assertEquals(PanelGemm.class, kernel(Form.NT, 512, 0, 128, 768, false));
    assertEquals(PanelGemm.class, kernel(Form.NN, 512, 0, 768, 128, false));
    assertEquals(StripGemm.class, kernel(Form.TN, 512, 128, 768, 0, false));
    assertEquals(PanelGemm.class, kernel(Form.NT, 512, 0, 768, 768, false));
    assertEquals(StripGemm.class, kernel(Form.TN, 512, 768, 768, 0, false));
    // Frozen weights are read from their panels, whatever their shape; FewRowsGemm hands what it is not made for to PanelGemm, and the
    // gradient turns panels in PanelGemm, however few its rows.
    for (int[] shape : new int[][] {{768, 768}, {8, 768}, {768, 8}, {1, 1}}) {
      assertEquals(FewRowsGemm.class, kernel(Form.NT, 512, 0, shape[0], shape[1], true));
      assertEquals(PanelGemm.class, kernel(Form.NN, 512, 0, shape[0], shape[1], true));
    }
  }

  private static Class<?> kernel(Form form, int rows, int m, int n, int k, boolean packed) {
    MemorySegment large = MemorySegment.NULL.reinterpret(Integer.MAX_VALUE);
    Gemm.Spec spec = new Gemm.Spec(form, rows, m, n, k, 1, packed, WeightFormat.F32);
    return VectorGemms.gemm(spec, new Gemm.Operands(large, large, MemorySegment.NULL, MemorySegment.NULL, large, large)).getClass();
  }

  /** Form, rows, columns, depth, storage. */
  @ParameterizedTest
  @ValueSource(strings = {"NT 96 96 96 live", "NN 96 96 96 live", "TN 40 96 96 live", "NT 96 8 96 live", "NN 96 8 96 live", "TN 40 8 96 live",
      "NT 96 96 8 live", "NN 96 96 8 live", "NT 96 330 96 F32", "NT 40 330 96 BF16", "NT 1 330 96 F32", "NT 3 330 96 F32", "NT 1 330 96 BF16",
      "NT 3 330 96 BF16", "NT 1 330 96 F16", "NT 3 330 96 F16", "NT 1 330 256 Q8_0", "NT 1 330 256 NF4", "NT 1 330 256 Q4_K",
      "NT 3 330 256 NF4", "NT 40 330 256 NF4", "NN 40 256 330 Q4_K"})
  void runningAllocatesNothing(String product) throws Exception {
    ForcedWidth.run(GemmAllocation.class, List.of("-Dproduct=" + product));
  }

  /** Of every format, each in a JVM of its own: minutes, so that it is run when asked for. */
  @ParameterizedTest
  @MethodSource("allBlocks")
  @EnabledIfSystemProperty(named = "allocation.all", matches = "true")
  void noFormatAllocates(String product) throws Exception {
    ForcedWidth.run(GemmAllocation.class, List.of("-Dproduct=" + product));
  }

  /** Where a panel is turned its code is longest, and vectors that are handed to another method soonest become objects. */
  static Stream<String> allBlocks() {
    return Stream.concat(GgufFormat.ALL.stream().map(WeightFormat::name), Stream.of("nf4", "fp4", "int8"))
        .flatMap(name -> Stream.of("NN 40 256 330 ", "NT 1 330 256 ", "NT 3 330 256 ", "NT 40 330 256 ").map(shape -> shape + name));
  }

  @Test
  void refusesWhatItCannotDo() {
    MemorySegment none = MemorySegment.NULL;
    assertThrows(ConfigException.class, () -> VectorGemms.packedBytes(8, 8, new Elements(DType.I8)));
    Gemm.Spec packedOuter = new Gemm.Spec(Form.TN, 8, 8, 8, 0, 1, true, WeightFormat.F32);
    assertThrows(ConfigException.class, () -> VectorGemms.gemm(packedOuter, new Gemm.Operands(none, none, none, none, none, none)));
    Gemm.Spec spec = new Gemm.Spec(Form.NT, 4, 0, 8, 8, 1, false, WeightFormat.F32);
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
