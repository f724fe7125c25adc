package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.blocks.BlockFormats;
import io.github.lora4j.vector.blocks.GgufFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** GGUF's block formats: decoded as the package {@code gguf} and ggml do, bit by bit, and encoded to the same bytes or with no larger error. */
class GoldenBlocksTest {

  private static final String FOLDER = "gguf/blocks";
  /** Those that llama.cpp searches scales for, so that other bytes may be right. */
  private static final Set<String> SEARCHED = Set.of("q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl", "iq4_xs");

  @TestFactory
  Stream<DynamicTest> blocks() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    GoldenCases.read(FOLDER, checks).forEach((file, json) -> checks.put(GoldenCases.name(file), () -> compare(file, json)));
    return GoldenCases.tests(FOLDER, checks);
  }

  private static Optional<WeightFormat> format(JsonNode json) {
    return switch (json.path("type").asText()) {
      case "F32" -> Optional.of(WeightFormat.F32);
      case "F16" -> Optional.of(WeightFormat.F16);
      case "BF16" -> Optional.of(WeightFormat.BF16);
      case String _ -> GgufFormat.ofType(json.path("type_id").asInt()).map(WeightFormat.class::cast);
    };
  }

  private static void compare(Path file, JsonNode json) {
    WeightFormat format = format(json).orElseThrow(() -> GoldenCases.notYet("type %s is not read".formatted(json.path("type").asText())));
    assertEquals(json.path("type").asText().toLowerCase(java.util.Locale.ROOT), format.name());
    int rows = json.path("rows").asInt();
    int cols = json.path("cols").asInt();
    try (Checkpoint tensors = Checkpoint.open(Path.of(file.toString().replaceFirst("json$", "safetensors"))); Arena arena = Arena.ofConfined()) {
      MemorySegment want = tensor(tensors, "values", arena);
      MemorySegment bytes = tensor(tensors, "bytes", arena);
      long rowBytes = WeightFormats.rowBytes(format, cols);
      assertEquals(rows * rowBytes, bytes.byteSize());
      MemorySegment got = arena.allocate(want.byteSize(), 4);
      for (int i = 0; i < rows; i++) {
        format.decode(bytes, i * rowBytes, got, (long) i * cols * Float.BYTES, cols);
      }
      assertArrayEquals(want.toArray(ValueLayout.JAVA_INT), got.toArray(ValueLayout.JAVA_INT), "bits");
      BlockFormats.requireFinite(format, rows, cols, bytes, file.toString());
      if (tensors.names().contains("source")) {
        MemorySegment source = tensor(tensors, "source", arena);
        MemorySegment own = arena.allocate(bytes.byteSize(), 4);
        WeightFormats.encode(format, rows, cols, new Elements(DType.F32), source, own);
        if (SEARCHED.contains(format.name())) {
          for (int i = 0; i < rows; i++) {
            format.decode(own, i * rowBytes, got, (long) i * cols * Float.BYTES, cols);
          }
          double error = rms(source, got);
          double theirs = json.path("rms_error").asDouble();
          assertTrue(error <= 1.05 * theirs, "error %s, llama.cpp's %s".formatted(error, theirs));
        } else {
          assertArrayEquals(bytes.toArray(ValueLayout.JAVA_BYTE), own.toArray(ValueLayout.JAVA_BYTE), "bytes");
        }
      }
    }
  }

  /** A tensor as it is stored. */
  static MemorySegment tensor(Checkpoint tensors, String name, Arena arena) {
    var info = tensors.info(name);
    MemorySegment data = arena.allocate(info.elements() * info.dtype().bytes(), 8);
    tensors.read(name, info.dtype(), data);
    return data;
  }

  private static double rms(MemorySegment want, MemorySegment got) {
    double sum = 0;
    long n = want.byteSize() / Float.BYTES;
    for (long i = 0; i < n; i++) {
      double difference = want.getAtIndex(ValueLayout.JAVA_FLOAT, i) - got.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      sum += difference * difference;
    }
    return Math.sqrt(sum / n);
  }
}
