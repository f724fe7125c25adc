package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufTensor;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.train.export.ExportedAdapter;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Adapters as GGUF files: tensor by tensor those that llama.cpp was seen to compute right with, or refused. */
class GoldenGgufAdaptersTest {

  private static final String ADAPTERS = "gguf/adapters";
  private static final String MODELS = "gguf/models";

  @TestFactory
  Stream<DynamicTest> adapters() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories(ADAPTERS)) {
      checks.put(GoldenCases.name(dir), () -> {
        JsonNode expected = GoldenCases.json(dir.resolve("expected.json"));
        String what = expected.path("lora.gguf_is").asText();
        same(model(dir.resolve(expected.path("base").asText())), dir, dir.resolve("lora.gguf"), what.startsWith("none:"));
      });
    }
    return GoldenCases.tests(ADAPTERS, checks);
  }

  @TestFactory
  Stream<DynamicTest> adaptersOfModels() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories(MODELS)) {
      if (Files.exists(dir.resolve("lora-f32.gguf"))) {
        checks.put(GoldenCases.name(dir) + ": adapter", () -> same(model(dir), dir.resolve("adapter"), dir.resolve("lora-f32.gguf"), false));
      }
    }
    return GoldenCases.tests(MODELS, checks);
  }

  private static Path model(Path dir) {
    try (Stream<Path> files = Files.list(dir)) {
      return files.filter(f -> f.toString().endsWith(".gguf") && !f.getFileName().toString().startsWith("lora")).sorted().findFirst().orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void same(Path model, Path adapter, Path expected, boolean refused) throws IOException {
    if (!ModelFamily.all().containsKey(ModelDirectory.open(model).modelType())) {
      throw GoldenCases.notYet("model_type \"%s\" is not supported".formatted(ModelDirectory.open(model).modelType()));
    }
    Path dir = Files.createTempDirectory("adapter");
    Path file = dir.resolve("adapter.gguf");
    try {
      if (refused) {
        String message = assertThrows(ConfigException.class, () -> ExportedAdapter.ggufOfAdapter(model, adapter, file)).getMessage();
        assertTrue(message.contains("erge"), message);
        assertFalse(Files.exists(file));
        return;
      }
      ExportedAdapter.ggufOfAdapter(model, adapter, file);
      readBack(model, adapter, file);
      if (Files.exists(expected)) {
        compare(expected, file, GoldenCases.json(adapter.resolve("adapter_config.json")).path("alpha_pattern").isEmpty());
      }
    } finally {
      Numbers.delete(dir);
    }
  }

  /** The file, read as an adapter, is the one that it was made from. */
  private static void readBack(Path model, Path adapter, Path file) {
    ModelDescription description = Generator.describe(Generator.model(ModelDirectory.open(model).architecture()));
    try (LoadedAdapter want = PeftFormat.load(adapter, description); LoadedAdapter got = PeftFormat.load(file, description)) {
      LoraAdapter a = (LoraAdapter) want.adapter();
      LoraAdapter b = (LoraAdapter) got.adapter();
      assertEquals(a.sites().keySet(), b.sites().keySet());
      a.sites().forEach((module, site) -> {
        LoraAdapter.Site other = b.sites().get(module);
        Numbers.assertClose(floats(want.values().get(site.a().slot()), 1), floats(got.values().get(other.a().slot()), 1), 0, module + ": A");
        Numbers.assertClose(floats(want.values().get(site.b().slot()), site.target().scaling()),
            floats(got.values().get(other.b().slot()), other.target().scaling()), 1e-6, module + ": B by its scale");
      });
    }
  }

  private static float[] floats(MemorySegment values, double factor) {
    float[] result = values.toArray(ValueLayout.JAVA_FLOAT);
    for (int i = 0; i < result.length; i++) {
      result[i] = (float) (result[i] * factor);
    }
    return result;
  }

  /** Every tensor, and the keys that the loader reads. A factor in B that is no float is rounded before the product or behind it. */
  private static void compare(Path expected, Path file, boolean exact) {
    try (GgufFile want = GgufFile.open(expected); GgufFile got = GgufFile.open(file)) {
      for (String key : got.metadata().values().keySet()) {
        assertEquals(want.metadata().value(key), got.metadata().value(key), key);
      }
      assertEquals(names(want), names(got));
      for (GgufTensor tensor : want.tensors()) {
        assertEquals(tensor, got.tensor(tensor.name()));
        float[] a = new float[(int) tensor.elements()];
        float[] b = new float[a.length];
        want.read(tensor.name(), 0, MemorySegment.ofArray(a));
        got.read(tensor.name(), 0, MemorySegment.ofArray(b));
        for (int i = 0; i < a.length; i++) {
          assertEquals(a[i], b[i], exact ? 0 : Math.ulp(a[i]), tensor.name());
        }
      }
    }
  }

  private static TreeSet<String> names(GgufFile file) {
    return file.tensors().stream().map(GgufTensor::name).collect(Collectors.toCollection(TreeSet::new));
  }
}
