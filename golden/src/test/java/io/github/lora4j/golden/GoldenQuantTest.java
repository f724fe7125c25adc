package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.VectorKernels;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.Workers;
import io.github.lora4j.vector.blocks.DoubleQuantisation;
import io.github.lora4j.vector.blocks.FourBit;
import io.github.lora4j.vector.blocks.Int8Rows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** bitsandbytes' blocks: values, encoders, and both products of a frozen layer. */
class GoldenQuantTest {

  private static final String FOLDER = "quant/blocks";
  private static final double CLOSE = 2e-6;

  @TestFactory
  Stream<DynamicTest> blocks() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    GoldenCases.read(FOLDER, checks).forEach((file, json) -> checks.put(GoldenCases.name(file), () -> compare(file, json)));
    return GoldenCases.tests(FOLDER, checks);
  }

  private static void compare(Path file, JsonNode json) {
    try (Checkpoint tensors = Checkpoint.open(Path.of(file.toString().replaceFirst("json$", "safetensors"))); Arena arena = Arena.ofConfined()) {
      Case c = new Case(tensors, json, json.path("shape").path(0).asInt(), json.path("shape").path(1).asInt(), arena);
      if (json.has("quant_type")) {
        c.fourBit();
      } else if (tensors.names().contains("row_stats")) {
        c.int8();
      } else {
        throw GoldenCases.notYet("blocks of 8 bits by the dynamic map: an optimizer's, no weights are stored so");
      }
    }
  }

  private record Case(Checkpoint tensors, JsonNode json, int rows, int cols, Arena arena) {

    private MemorySegment tensor(String name) {
      return GoldenBlocksTest.tensor(tensors, name, arena);
    }

    private float[] floats(String name) {
      return Numbers.floats(tensors, name);
    }

    private void fourBit() {
      String name = json.path("quant_type").asText();
      int blockSize = json.path("blocksize").asInt();
      DType dtype = DType.valueOf(json.path("dtype").asText().replace("float", "F").replace("bF", "BF").toUpperCase(Locale.ROOT));
      boolean nested = json.path("nested").asBoolean();
      JsonNode state = json.path("quant_state");
      FourBit format = nested
          ? FourBit.nested(name, floats("quant_map"), blockSize, cols, dtype, new FourBit.Nested(state.path("nested_blocksize").asInt(),
              floats("nested_quant_map"), (float) state.path("nested_offset").asDouble()))
          : FourBit.single(name, floats("quant_map"), blockSize, cols, dtype);
      MemorySegment blocks = arena.allocate(rows * WeightFormats.rowBytes(format, cols), 8);
      format.assemble(rows, cols, tensor("packed"), tensor("absmax"), nested ? tensor("nested_absmax") : MemorySegment.NULL, blockSize, blocks);
      values(format, blocks);
      products(format, blocks, floats("y"), floats("dx"));
      if (nested) {
        encodeDouble(format, blockSize, blocks);
      } else {
        encode(format, blockSize);
      }
    }

    /** Given bitsandbytes' mean of absmax, all of its bytes; ours is the exact mean, from which PyTorch's sum of floats may be a little away. */
    private void encodeDouble(FourBit format, int blockSize, MemorySegment want) {
      MemorySegment source = MemorySegment.ofArray(floats("weight"));
      MemorySegment got = arena.allocate(want.byteSize(), 8);
      DoubleQuantisation.encode(format, rows, cols, source, blockSize, got);
      assertArrayEquals(want.toArray(ValueLayout.JAVA_BYTE), got.toArray(ValueLayout.JAVA_BYTE), "bytes");
      if (blockSize == 64) {
        DoubleQuantisation.Mean mean = new DoubleQuantisation.Mean();
        mean.add(source);
        float offset = mean.offset();
        float theirs = format.nesting().offset();
        assertTrue(Math.abs(offset - theirs) <= 2 * Math.ulp(theirs), offset + " and " + theirs);
        FourBit single = format.name().equals("nf4") ? FourBit.NF4 : FourBit.FP4;
        FourBit own = DoubleQuantisation.format(single, cols, theirs);
        assertArrayEquals(format.nesting().map(), own.nesting().map());
        assertEquals(format.nesting().blockSize(), own.nesting().blockSize());
        assertEquals(format.blockBytes(), own.blockBytes());
      }
    }

    /** bitsandbytes counts blocks through the tensor: as one row of it the format's blocks are these. */
    private void encode(FourBit format, int blockSize) {
      if (blockSize > 256) {
        return;
      }
      FourBit flat = FourBit.single(format.name(), format.map(), blockSize, blockSize, format.dtype());
      MemorySegment source = MemorySegment.ofArray(floats("weight"));
      int n = rows * cols;
      MemorySegment blocks = arena.allocate(WeightFormats.rowBytes(flat, n), 8);
      flat.encode(source, 0, blocks, 0, n);
      MemorySegment want = arena.allocate(blocks.byteSize(), 8);
      int whole = n / blockSize * blockSize;
      flat.assemble(1, whole, tensor("packed"), tensor("absmax"), MemorySegment.NULL, blockSize, want);
      long bytes = WeightFormats.rowBytes(flat, whole);
      assertArrayEquals(want.asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE), blocks.asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE), "bytes");
      if (whole < n) {
        assertEquals(floats("absmax")[whole / blockSize], blocks.get(ValueLayout.JAVA_FLOAT_UNALIGNED, bytes), "the last absmax");
      }
    }

    private void int8() {
      Int8Rows format = Int8Rows.of(cols);
      MemorySegment blocks = arena.allocate(rows * WeightFormats.rowBytes(format, cols), 8);
      format.assemble(rows, cols, tensor("quantised"), tensor("row_stats"), blocks);
      values(format, blocks);
      if (tensors.names().contains("y_dequantised")) {
        products(format, blocks, floats("y_dequantised"), new float[0]);
      }
      // A row in one block is encoded as bitsandbytes does; outliers, where it looks for them, count for no absmax, and their columns are left to
      // another product.
      Int8Rows row = new Int8Rows(cols);
      float[] weight = floats("weight");
      float threshold = (float) json.path("threshold").asDouble();
      boolean[] outlier = new boolean[cols];
      for (int i = 0; i < weight.length && threshold > 0; i++) {
        if (Math.abs(weight[i]) >= threshold) {
          weight[i] = 0;
          outlier[i % cols] = true;
        }
      }
      MemorySegment own = arena.allocate((long) rows * row.blockBytes(), 8);
      WeightFormats.encode(row, rows, cols, new Elements(DType.F32), MemorySegment.ofArray(weight), own);
      MemorySegment codes = tensor("quantised");
      float[] absmax = floats("row_stats");
      for (int i = 0; i < rows; i++) {
        long at = (long) i * row.blockBytes();
        assertEquals(absmax[i], own.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at), "absmax of row " + i);
        // What bitsandbytes makes of a row of zeros is undefined.
        for (int j = 0; j < cols && absmax[i] > 0; j++) {
          if (!outlier[j]) {
            assertEquals(codes.get(ValueLayout.JAVA_BYTE, (long) i * cols + j), own.get(ValueLayout.JAVA_BYTE, at + Float.BYTES + j), i + ", " + j);
          }
        }
      }
    }

    private void values(WeightFormat format, MemorySegment blocks) {
      MemorySegment got = arena.allocate((long) rows * cols * Float.BYTES, 8);
      for (int i = 0; i < rows; i++) {
        format.decode(blocks, i * WeightFormats.rowBytes(format, cols), got, (long) i * cols * Float.BYTES, cols);
      }
      float[] want = floats("dequantised");
      // Minus zero is what a negative code of a zero block may be.
      assertArrayEquals(want, got.toArray(ValueLayout.JAVA_FLOAT));
    }

    private void products(WeightFormat format, MemorySegment blocks, float[] y, float[] dx) {
      check(Gemm.Form.NT, format, blocks, floats("x"), y);
      if (dx.length > 0) {
        check(Gemm.Form.NN, format, blocks, floats("dy"), dx);
      }
    }

    private void check(Gemm.Form form, WeightFormat format, MemorySegment blocks, float[] left, float[] want) {
      Kernels kernels = new VectorKernels();
      int k = form == Gemm.Form.NT ? cols : rows;
      int n = form == Gemm.Form.NT ? rows : cols;
      int m = left.length / k;
      try (Memory memory = new Memory("golden"); Workers workers = new Workers(1)) {
        MemorySegment packed = memory.allocate(kernels.packedBytes(rows, cols, format), "weight");
        kernels.packStored(rows, cols, blocks, packed, format);
        MemorySegment a = memory.allocate((long) left.length * Float.BYTES, "a");
        MemorySegment.copy(left, 0, a, ValueLayout.JAVA_FLOAT, 0, left.length);
        MemorySegment c = memory.allocate((long) m * n * Float.BYTES, "c");
        Gemm.Spec spec = new Gemm.Spec(form, m, m, n, k, 1, true, format);
        MemorySegment scratch = memory.allocate(kernels.gemmScratchBytes(spec, 1), "scratch");
        kernels.gemm(spec, new Gemm.Operands(a, packed, MemorySegment.NULL, MemorySegment.NULL, c, scratch)).run(workers, m);
        float[] got = c.asSlice(0, (long) m * n * Float.BYTES).toArray(ValueLayout.JAVA_FLOAT);
        double largest = Math.max(Numbers.max(want), Numbers.max(left) * Numbers.max(floats("dequantised")) * Math.sqrt(k));
        Numbers.assertClose(want, got, CLOSE * largest, form + " " + Arrays.toString(new int[] {m, n, k}));
      }
    }
  }
}
