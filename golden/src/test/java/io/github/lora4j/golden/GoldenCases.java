package io.github.lora4j.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.opentest4j.TestAbortedException;

/**
 * The golden numbers of the peers' own code. Cases are found by listing directories under {@code -Dgolden.dir} (default: the copy in the test
 * resources), one dynamic test each; {@link GoldenReport} says at the end what became of them.
 */
final class GoldenCases {

  private static final ObjectMapper JSON = new ObjectMapper();

  /** A case's check; one for what lora4j does not do yet throws {@link #notYet}. */
  interface Check {
    /** Runs. */
    void run() throws Exception;
  }

  private GoldenCases() {}

  /** The folder of all folders. */
  static Path root() {
    String given = System.getProperty("golden.dir");
    if (given != null) {
      Path root = Path.of(given);
      if (!Files.isDirectory(root)) {
        throw new ConfigException("golden.dir: %s is no directory".formatted(root.toAbsolutePath()));
      }
      return root;
    }
    try {
      return Path.of(GoldenCases.class.getResource("/golden").toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A folder, which need not be there. */
  static Path folder(String name) {
    return root().resolve(name);
  }

  /** The case directories of a folder, sorted; none where there is no such folder. */
  static List<Path> directories(String folder) {
    return list(folder(folder)).stream().filter(Files::isDirectory).toList();
  }

  /** The NAME.json files of a folder, sorted; none where there is no such folder. */
  static List<Path> jsonFiles(String folder) {
    return list(folder(folder)).stream().filter(p -> p.toString().endsWith(".json")).toList();
  }

  /**
   * The NAME.json files of a folder with what they say.
   *
   * @param checks where one that is no JSON becomes a case that fails, so that the others are still compared
   */
  static Map<Path, JsonNode> read(String folder, Map<String, Check> checks) {
    Map<Path, JsonNode> read = new LinkedHashMap<>();
    for (Path file : jsonFiles(folder)) {
      try {
        read.put(file, json(file));
      } catch (UncheckedIOException e) {
        checks.put(name(file), () -> {
          throw e;
        });
      }
    }
    return read;
  }

  /** Name without directory and ending. */
  static String name(Path path) {
    return path.getFileName().toString().replaceFirst("\\.json$", "");
  }

  /** The tests of a folder's cases. A part of a case is named {@code CASE: PART}. */
  static Stream<DynamicTest> tests(String folder, Map<String, Check> checks) {
    if (checks.isEmpty()) {
      return Stream.of(DynamicTest.dynamicTest("no case in " + folder, () -> {
        throw notYet("%s has no case for this test".formatted(folder(folder)));
      }));
    }
    return checks.entrySet().stream().map(entry -> test(folder, entry.getKey(), entry.getValue()));
  }

  private static DynamicTest test(String folder, String name, Check check) {
    int colon = name.indexOf(": ");
    String of = colon < 0 ? name : name.substring(0, colon);
    String part = colon < 0 ? "" : name.substring(colon + 2);
    GoldenReport.found(folder, of);
    return DynamicTest.dynamicTest(name, () -> {
      try {
        check.run();
        GoldenReport.compared(folder, of);
      } catch (TestAbortedException e) {
        GoldenReport.left(folder, of, part, e.getMessage());
        throw e;
      } catch (Throwable e) {
        GoldenReport.left(folder, of, part, GoldenReport.FAILED + oneLine(e.getMessage() == null ? e.toString() : e.getMessage()));
        throw e;
      }
    });
  }

  /** Leaves a case aside, with the reason. */
  static TestAbortedException notYet(String reason) {
    return new TestAbortedException(oneLine(reason));
  }

  /** What opens a case's model; what lora4j says it does not support is a reason, not a failure. */
  static <T> T supported(Supplier<T> opening) {
    try {
      return opening.get();
    } catch (ConfigException | FormatException e) {
      if (e.getMessage().contains("not supported")) {
        throw notYet(e.getMessage().replaceFirst("^\\S*config\\.json: ", ""));
      }
      throw e;
    }
  }

  private static String oneLine(String text) {
    String line = text.replaceAll("\\s*\\R\\s*", " ");
    return line.length() > 300 ? line.substring(0, 300) + "…" : line;
  }

  /** A JSON file. */
  static JsonNode json(Path file) {
    try {
      return JSON.readTree(file.toFile());
    } catch (IOException e) {
      throw new UncheckedIOException("%s cannot be read: %s".formatted(file.getFileName(), e.getMessage()), e);
    }
  }

  /** A JSON node as maps, lists, texts, numbers and booleans. */
  static Map<String, Object> map(JsonNode node) {
    return JSON.convertValue(node, new com.fasterxml.jackson.core.type.TypeReference<>() { });
  }

  /** A tensor as F32. */
  record Tensor(List<Long> shape, DType stored, float[] values) {
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
  static Map<String, Tensor> tensors(Path file) {
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

  private static List<Path> list(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static final Pattern NAMED =
      Pattern.compile("(^|\\.)(lora_(?:A|B|E|embedding_A|embedding_B|magnitude_vector)|trainable_tokens_delta)\\.(?!(?:weight|bias)$)[^.]+");

  /** PEFT's parameter name as a slot's: without its prefix, its wrappers and the adapter's name, whatever that is. */
  static String slot(String name) {
    return NAMED.matcher(name.replaceFirst("^base_model\\.model\\.", "").replaceFirst("\\.modules_to_save\\.[^.]+", "").replace(".base_layer", ""))
        .replaceFirst("$1$2").replaceFirst("lora_magnitude_vector\\.weight$", "lora_magnitude_vector");
  }

  /** The names of recorded tensors that begin with a prefix, by the slot that the rest means. */
  static Map<String, String> bySlot(Collection<String> names, String prefix) {
    Map<String, String> slots = new LinkedHashMap<>();
    names.stream().filter(name -> name.startsWith(prefix)).forEach(name -> slots.put(slot(name.substring(prefix.length())), name));
    return slots;
  }
}
