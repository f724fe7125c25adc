package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.gguf.GgmlType;
import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufTensor;
import io.github.lora4j.checkpoint.gguf.GgufWriter;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.GeneratorOptions;
import io.github.lora4j.generate.Request;
import io.github.lora4j.generate.Sequence;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.models.WeightStorage;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.Workers;
import io.github.lora4j.vector.blocks.GgufFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Whole GGUF files as models: token ids as llama.cpp's, logits as transformers' of the same weights, dequantised where the file is quantised. */
class GoldenGgufModelsTest {

  private static final String FOLDER = "gguf/models";

  @TempDir
  private Path temp;

  @TestFactory
  Stream<DynamicTest> tokens() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories(FOLDER)) {
      checks.put(GoldenCases.name(dir) + ": tokens", () -> tokens(dir));
    }
    return GoldenCases.tests(FOLDER, checks);
  }

  @TestFactory
  Stream<DynamicTest> logits() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories(FOLDER)) {
      for (Path file : files(dir)) {
        String quant = file.getFileName().toString().replace(".gguf", "");
        String name = quant.equals("f32") ? "logits" : quant + ".logits_dequantised";
        checks.put(GoldenCases.name(dir) + ": " + quant + ", blocks", () -> logits(dir, file, name, WeightStorage.STORED, false));
        checks.put(GoldenCases.name(dir) + ": " + quant + ", decoded", () -> logits(dir, file, name, WeightStorage.F32, false));
        if (quant.equals("f32")) {
          checks.put(GoldenCases.name(dir) + ": " + quant + " with adapter", () -> logits(dir, file, "logits_adapter", WeightStorage.STORED, true));
        }
      }
    }
    return GoldenCases.tests(FOLDER, checks);
  }

  /** Every architecture in blocks: the file quantised anew, kept in blocks and decoded, gives the same logits; what is permuted and turned, too. */
  @TestFactory
  Stream<DynamicTest> requantised() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories(FOLDER)) {
      Path file = dir.resolve("f32.gguf");
      if (Files.exists(file)) {
        checks.put(GoldenCases.name(dir) + ": requantised", () -> requantised(dir, file));
      }
    }
    return GoldenCases.tests(FOLDER, checks);
  }

  private void requantised(Path dir, Path file) {
    Path as = temp.resolve(GoldenCases.name(dir) + ".gguf");
    try (GgufFile from = GgufFile.open(file); Arena arena = Arena.ofShared()) {
      GgufWriter writer = new GgufWriter();
      from.metadata().values().forEach(writer::key);
      for (GgufTensor tensor : from.tensors()) {
        MemorySegment floats = arena.allocate(tensor.bytes(), 64);
        from.read(tensor.name(), 0, floats);
        if (tensor.shape().size() < 2 || tensor.columns() % 32 != 0) {
          writer.add(tensor, floats);
          continue;
        }
        GgufTensor blocks = new GgufTensor(tensor.name(), GgmlType.Q8_0, tensor.shape());
        MemorySegment data = arena.allocate(blocks.bytes(), 64);
        WeightFormats.encode(GgufFormat.Q8_0, Math.toIntExact(tensor.shape().getFirst()), Math.toIntExact(tensor.columns()), new Elements(DType.F32),
            floats, data);
        writer.add(blocks, data);
      }
      writer.write(as);
    }
    Model model = GoldenCases.supported(() -> Generator.model(ModelDirectory.open(as).architecture()));
    try (Checkpoint weights = ModelDirectory.open(as).checkpoint(); Checkpoint expected = Checkpoint.open(dir.resolve("expected.safetensors"));
        CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(2))) {
      int[] ids = ids(expected);
      List<float[]> logits = new ArrayList<>();
      for (WeightStorage storage : List.of(WeightStorage.STORED, WeightStorage.F32)) {
        try (Generator generator = Generator.open(model, weights, new GeneratorOptions(1, ids.length + 2, ids.length + 2, ids.length + 2, storage),
            backend)) {
          generator.add(Request.of(ids, GenerationSettings.of(Map.of("max_new_tokens", 1))));
          generator.step((sequence, chosen) -> logits.add(generator.logits()));
        }
      }
      Numbers.assertClose(logits.get(1), logits.get(0), 1e-4, "logits");
      float[] exact = Numbers.floats(expected, "logits");
      int width = model.architecture().vocabSize();
      Numbers.assertClose(Arrays.copyOfRange(exact, exact.length - width, exact.length), logits.get(0), 1, "logits of 8 bits beside those of 32");
    }
  }

  private static int[] ids(Checkpoint expected) {
    float[] read = Numbers.floats(expected, "input_ids");
    int[] ids = new int[read.length];
    Arrays.setAll(ids, i -> (int) read[i]);
    return ids;
  }

  private static List<Path> files(Path dir) {
    try (Stream<Path> all = Files.list(dir)) {
      return all.filter(f -> f.toString().endsWith(".gguf") && !f.getFileName().toString().startsWith("lora")).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void tokens(Path dir) {
    JsonNode texts = GoldenCases.json(dir.resolve("expected.json")).path("tokenizer");
    Tokenizer tokenizer = Tokenizer.load(files(dir).getFirst());
    Map<String, String> wrong = new TreeMap<>();
    int compared = 0;
    for (Map.Entry<String, JsonNode> text : texts.properties()) {
      compared++;
      check(wrong, text.getKey(), "ids", text.getValue(), tokenizer.encode(text.getKey()).ids());
      check(wrong, text.getKey(), "no_bos", text.getValue(), tokenizer.encode(text.getKey(), false).ids());
    }
    assertEquals(Map.of(), wrong);
    assertEquals(true, compared > 0, "no text");
  }

  private static void check(Map<String, String> wrong, String text, String what, JsonNode json, int[] got) {
    int[] want = StreamSupport.stream(json.path(what).spliterator(), false).mapToInt(JsonNode::asInt).toArray();
    if (!Arrays.equals(want, got)) {
      wrong.put(what + " of '" + text + "'", Arrays.toString(want) + " but " + Arrays.toString(got));
    }
  }

  private static void logits(Path dir, Path file, String name, WeightStorage storage, boolean adapted) {
    ModelDirectory directory = ModelDirectory.open(file);
    if (!ModelFamily.all().containsKey(directory.modelType())) {
      throw GoldenCases.notYet("model_type \"%s\" is not supported".formatted(directory.modelType()));
    }
    Model model = GoldenCases.supported(() -> Generator.model(directory.architecture()));
    try (Checkpoint weights = directory.checkpoint(); Checkpoint expected = Checkpoint.open(dir.resolve("expected.safetensors"));
        CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(2))) {
      if (!expected.names().contains(name)) {
        throw GoldenCases.notYet("no " + name + " was recorded");
      }
      int[] ids = ids(expected);
      float[] want = Numbers.floats(expected, name);
      GeneratorOptions room = new GeneratorOptions(1, ids.length + 2, ids.length + 2, ids.length + 2, storage);
      Optional<LoadedAdapter> adapter = adapted ? Optional.of(PeftFormat.load(dir.resolve("adapter"), Generator.describe(model)))
          : Optional.empty();
      try (Generator generator = adapter.isPresent() ? Generator.open(model, weights, adapter.get(), room, backend)
          : Generator.open(model, weights, room, backend)) {
        compare(generator, ids, want);
      } finally {
        adapter.ifPresent(LoadedAdapter::close);
      }
    }
  }

  private static void compare(Generator generator, int[] ids, float[] want) {
    GenerationConfig one = GenerationSettings.of(Map.of("max_new_tokens", 1));
    int width = generator.model().architecture().vocabSize();
    List<Sequence> joined = new ArrayList<>();
    assertEquals(ids.length * width, want.length);
    for (int n = 1; n <= ids.length; n++) {
      Request prefix = Request.of(Arrays.copyOf(ids, n), one);
      if (joined.isEmpty()) {
        joined.add(generator.add(prefix));
      } else {
        generator.resume(joined.getFirst(), prefix);
      }
      int token = n - 1;
      generator.step((sequence, chosen) -> Numbers.assertClose(Arrays.copyOfRange(want, token * width, (token + 1) * width), generator.logits(), 1e-4,
          "logits behind token " + token));
    }
    joined.forEach(generator::remove);
  }
}
