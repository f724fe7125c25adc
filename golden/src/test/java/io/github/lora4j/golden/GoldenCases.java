package io.github.lora4j.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.DynamicTest;
import org.opentest4j.TestAbortedException;

/**
 * The golden numbers of the peers' own code. Cases are found by listing directories under {@code -Dgolden.dir} (default: the copy in
 * the test resources), one dynamic test each, and a last one that prints how many ran and which could not yet, with the reason.
 */
public final class GoldenCases {

  private static final ObjectMapper JSON = new ObjectMapper();

  /** A case's check; one for what lora4j does not do yet calls {@link #notYet}. */
  public interface Check {
    /** Runs. */
    void run() throws Exception;
  }

  private GoldenCases() {}

  /** The folder of a family. */
  public static Path family(String name) {
    String given = System.getProperty("golden.dir");
    if (given != null) {
      return Path.of(given).resolve(name);
    }
    URL copy = GoldenCases.class.getResource("/golden/" + name);
    if (copy == null) {
      throw new IllegalStateException("no golden family " + name + " in the test resources");
    }
    try {
      return Path.of(copy.toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The case directories of a family, sorted. */
  public static List<Path> directories(String family) {
    return list(family).stream().filter(Files::isDirectory).toList();
  }

  /** The NAME.json files of a family, sorted. */
  public static List<Path> jsonFiles(String family) {
    return list(family).stream().filter(p -> p.toString().endsWith(".json")).toList();
  }

  /** Name without directory and ending. */
  public static String name(Path path) {
    return path.getFileName().toString().replaceFirst("\\.json$", "");
  }

  /** The tests of a family: each case by name, then the count. */
  public static Stream<DynamicTest> tests(String what, Map<String, Check> cases) {
    AtomicInteger ran = new AtomicInteger();
    Map<String, String> skipped = new LinkedHashMap<>();
    List<DynamicTest> tests = new ArrayList<>();
    cases.forEach((name, check) -> tests.add(DynamicTest.dynamicTest(name, () -> {
      try {
        check.run();
        ran.incrementAndGet();
      } catch (TestAbortedException e) {
        skipped.put(name, e.getMessage());
        throw e;
      }
    })));
    tests.add(DynamicTest.dynamicTest("count", () -> {
      System.out.printf("golden %s: %d of %d cases compared%s%n", what, ran.get(), cases.size(), skipped.isEmpty() ? "" : "; not yet:");
      skipped.forEach((name, reason) -> System.out.printf("  %s: %s%n", name, reason));
      Assertions.assertFalse(cases.isEmpty(), what + ": no case found");
      Assertions.assertTrue(ran.get() > 0, what + ": not one case was compared");
    }));
    return tests.stream();
  }

  /** Leaves a case aside, with the reason. */
  public static TestAbortedException notYet(String reason) {
    return new TestAbortedException(reason.replaceAll("\\s*\\R\\s*", " "));
  }

  /** A JSON file. */
  public static JsonNode json(Path file) {
    try {
      return JSON.readTree(file.toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A JSON node as maps, lists, texts, numbers and booleans. */
  public static Map<String, Object> map(JsonNode node) {
    return JSON.convertValue(node, new com.fasterxml.jackson.core.type.TypeReference<>() { });
  }

  /** A tensor as F32. */
  public record Tensor(List<Long> shape, DType stored, float[] values) {
    /** The values as double. */
    public double[] doubles() {
      double[] result = new double[values.length];
      for (int i = 0; i < result.length; i++) {
        result[i] = values[i];
      }
      return result;
    }
  }

  /** The float tensors of a safetensors file. */
  public static Map<String, Tensor> tensors(Path file) {
    Map<String, Tensor> result = new LinkedHashMap<>();
    try (Checkpoint checkpoint = Checkpoint.open(file); Arena arena = Arena.ofConfined()) {
      for (String name : checkpoint.names()) {
        var info = checkpoint.info(name);
        if (info.dtype().isFloat()) {
          MemorySegment data = arena.allocate(info.elements() * Float.BYTES, 8);
          checkpoint.read(name, DType.F32, data);
          result.put(name, new Tensor(info.shape(), info.dtype(), data.toArray(ValueLayout.JAVA_FLOAT)));
        }
      }
    }
    return result;
  }

  private static List<Path> list(String family) {
    try (Stream<Path> files = Files.list(family(family))) {
      return files.sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** PEFT's parameter name as a slot's: without its prefix, its wrappers and the adapter's name. */
  static String slot(String name) {
    return name.replaceFirst("^base_model\\.model\\.", "").replace(".modules_to_save.default", "").replace(".base_layer", "").replace(".default", "");
  }
}
