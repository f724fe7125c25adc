package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.golden.GoldenCases.Tensor;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.StoredCopy;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.plain.LoraMerge;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.testkit.Comparison;
import io.github.lora4j.train.recorded.CausalLm;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Adapter directories that PEFT wrote: they load, save to the same bytes, and merge to PEFT's weights. The modules are read off the base's
 * tensors, so this covers every architecture, also those that cannot run yet.
 */
class GoldenAdaptersTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir
  Path temp;

  @TestFactory
  Stream<DynamicTest> directories() {
    return Stream.of("models", "features", "formats").flatMap(folder -> {
      Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
      for (Path directory : GoldenCases.directories(folder)) {
        for (Path adapter : adapters(directory)) {
          String name = directory.relativize(adapter).toString();
          cases.put(GoldenCases.name(directory) + ": " + (name.isEmpty() ? "adapter" : name), () -> compare(directory, adapter,
              folder + "/" + GoldenCases.name(directory) + "/" + name));
        }
      }
      return GoldenCases.tests(folder, cases);
    });
  }

  private void compare(Path directory, Path adapter, String name) throws IOException {
    Path base = Stream.of("model.safetensors", "base.safetensors").map(directory::resolve).filter(Files::exists).findFirst().orElseThrow();
    JsonNode config = GoldenCases.json(adapter.resolve(PeftFormat.CONFIG));
    if (!List.of("LORA", "ADALORA").contains(config.path("peft_type").asText())) {
      throw GoldenCases.notYet("peft_type " + config.path("peft_type").asText());
    }
    ModelDescription model = describe(directory, adapter, base);
    try (LoadedAdapter loaded = GoldenCases.supported(() -> PeftFormat.load(adapter, model))) {
      Path copy = temp.resolve(name.replace('/', '_'));
      PeftFormat.save(copy, loaded.adapter(), loaded.values());
      assertEquals(normalised(adapter), normalised(copy));
      if (Files.exists(adapter.resolve(PeftFormat.WEIGHTS))) {
        tensors(loaded.adapter(), adapter.resolve(PeftFormat.WEIGHTS), copy.resolve(PeftFormat.WEIGHTS));
      } else {
        sameTensors(adapter.resolve("adapter_model.bin"), copy.resolve(PeftFormat.WEIGHTS));
      }
      if (Files.exists(adapter.resolve("README.md"))) {
        String version = "- PEFT .*";
        assertEquals(Files.readString(adapter.resolve("README.md")).replaceAll(version, "- PEFT"),
            Files.readString(copy.resolve("README.md")).replaceAll(version, "- PEFT"));
      }
      // The merged weights were recorded after training.
      boolean trained = Files.exists(directory.resolve("adapter_trained"));
      if (GoldenCases.name(adapter).equals(trained ? "adapter_trained" : "adapter")) {
        merge(directory, base, model, loaded.adapter(), loaded);
      }
    }
  }

  /** In F32, the tensors in the order of ours: half precision is read as F32 and saved as F32, as PEFT does. */
  private static boolean asWeWrite(Path theirs, Path ours) {
    try (Checkpoint a = Checkpoint.open(theirs); Checkpoint b = Checkpoint.open(ours)) {
      return List.copyOf(a.names()).equals(List.copyOf(b.names())) && a.names().stream().allMatch(name -> a.info(name).dtype() == DType.F32);
    }
  }

  /** The same bytes; where PEFT stored frozen weights of the base with the adapter, which lora4j does not, the same other tensors. */
  private static void tensors(Adapter adapter, Path theirs, Path ours) throws IOException {
    Map<String, Tensor> want = GoldenCases.tensors(theirs);
    boolean frozen = want.keySet().removeAll(adapter.storedCopies().stream().filter(copy -> copy.trained(adapter).isEmpty())
        .map(StoredCopy::key).toList());
    if (!frozen && asWeWrite(theirs, ours)) {
      assertArrayEquals(Files.readAllBytes(theirs), Files.readAllBytes(ours));
    }
    Map<String, Tensor> got = GoldenCases.tensors(ours);
    assertEquals(want.keySet(), got.keySet());
    want.forEach((key, tensor) -> {
      assertEquals(tensor.shape(), got.get(key).shape(), key);
      assertArrayEquals(tensor.values(), got.get(key).values(), key);
    });
  }

  /** The tensors of a pickle, which need not lie in the order of ours. */
  private static void sameTensors(Path torch, Path copy) {
    Map<String, Tensor> expected = GoldenCases.tensors(torch);
    Map<String, Tensor> got = GoldenCases.tensors(copy);
    assertEquals(expected.keySet(), got.keySet());
    expected.forEach((key, tensor) -> assertArrayEquals(tensor.values(), got.get(key).values(), key));
  }

  private void merge(Path directory, Path base, ModelDescription model, Adapter adapter, LoadedAdapter loaded) {
    Map<String, Tensor> expected = new LinkedHashMap<>();
    GoldenCases.tensors(directory.resolve("expected.safetensors")).forEach((name, t) -> {
      if (name.startsWith("merged_weight.")) {
        expected.put(name.substring("merged_weight.".length()), t);
      }
    });
    if (expected.isEmpty()) {
      return;
    }
    Path file = temp.resolve(GoldenCases.name(directory) + ".safetensors");
    try (Checkpoint weights = Checkpoint.open(base)) {
      LoraMerge.write(weights, UnaryOperator.identity(), model, adapter, loaded.values(), file);
    }
    Map<String, Tensor> merged = GoldenCases.tensors(file);
    assertEquals(GoldenCases.tensors(base).keySet(), merged.keySet());
    expected.forEach((name, want) -> {
      double largest = Arrays.stream(want.doubles()).map(Math::abs).max().orElse(0);
      Comparison.check(name, merged.get(name).doubles(), want.doubles(), 1e-6 * largest);
    });
  }

  /** The config without what may differ: the version, and the order of what are sets in PEFT. */
  private static JsonNode normalised(Path adapter) throws IOException {
    ObjectNode config = (ObjectNode) JSON.readTree(Files.readString(adapter.resolve(PeftFormat.CONFIG)));
    config.remove("peft_version");
    for (String key : List.of("target_modules", "exclude_modules", "modules_to_save")) {
      if (config.path(key).isArray()) {
        List<String> names = new ArrayList<>();
        config.path(key).forEach(n -> names.add(n.textValue()));
        config.set(key, JSON.valueToTree(names.stream().sorted().toList()));
      }
    }
    return config;
  }

  private static List<Path> adapters(Path directory) {
    try (Stream<Path> files = Files.walk(directory)) {
      return files.filter(f -> f.endsWith(PeftFormat.CONFIG)).map(Path::getParent).sorted().toList();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Modules by the names and shapes of the base's tensors, or as the model's program says. */
  private static ModelDescription describe(Path directory, Path adapter, Path base) {
    Path file = directory.resolve("config.json");
    JsonNode config = Files.exists(file) ? GoldenCases.json(file) : MissingNode.getInstance();
    if (config.path("architectures").path(0).asText().matches("(Llama|Qwen2)ForCausalLM")) {
      try {
        JsonNode ranges = GoldenCases.json(adapter.resolve(PeftFormat.CONFIG)).path("layer_replication");
        List<List<Integer>> layers = ranges.isArray() ? JSON.convertValue(ranges, new TypeReference<>() { }) : List.of();
        CausalLm task = new CausalLm(ModelDirectory.open(directory).architecture().replicated(layers));
        return task.description();
      } catch (FormatException e) {
        // It cannot run; its files are read all the same.
      }
    }
    String type = config.path("model_type").asText("test");
    Map<String, Map<String, List<Long>>> byModule = new TreeMap<>();
    Set<String> containers = new LinkedHashSet<>();
    try (Checkpoint checkpoint = Checkpoint.open(base)) {
      for (String name : checkpoint.names()) {
        int dot = name.lastIndexOf('.');
        String module = dot < 0 ? "" : name.substring(0, dot);
        byModule.computeIfAbsent(module, _ -> new TreeMap<>()).put(name.substring(dot + 1), checkpoint.info(name).shape());
        for (int i = module.indexOf('.'); i > 0; i = module.indexOf('.', i + 1)) {
          containers.add(module.substring(0, i));
        }
      }
    }
    Map<String, Tensor> adapted = adapted(adapter);
    List<ModuleInfo> modules = new ArrayList<>();
    containers.stream().filter(c -> !byModule.containsKey(c)).forEach(c -> modules.add(ModuleInfo.other(c, Kind.CONTAINER)));
    byModule.forEach((name, tensors) -> modules.add(module(type, name, tensors, adapted)));
    if (config.path("tie_word_embeddings").asBoolean() && config.path("architectures").path(0).asText().endsWith("LM")
        && !byModule.containsKey("lm_head")) {
      modules.add(ModuleInfo.linear("lm_head", 1, 1, false)); // there is no tensor to read its size off
    }
    return new ModelDescription(type, modules, Optional.empty(), Map.of());
  }

  /** The adapter's tensors by slot, which tell what kind of module they are for. */
  private static Map<String, Tensor> adapted(Path adapter) {
    Map<String, Tensor> bySlot = new LinkedHashMap<>();
    GoldenCases.tensors(PeftFormat.weights(adapter)).forEach((name, tensor) -> bySlot.put(GoldenCases.slot(name), tensor));
    return bySlot;
  }

  private static ModuleInfo module(String type, String name, Map<String, List<Long>> tensors, Map<String, Tensor> adapted) {
    List<Long> weight = tensors.getOrDefault("weight", List.of());
    boolean bias = tensors.containsKey("bias");
    if (weight.size() == 1) {
      return new ModuleInfo(name, Kind.LAYER_NORM, weight.getFirst().intValue(), weight.getFirst().intValue(), bias);
    }
    if (weight.size() != 2) {
      return ModuleInfo.other(name, Kind.CONTAINER);
    }
    int first = weight.getFirst().intValue();
    int second = weight.getLast().intValue();
    Tensor a = adapted.getOrDefault(name + ".lora_A.weight", adapted.get(name + ".lora_A"));
    String last = name.substring(name.lastIndexOf('.') + 1);
    if (adapted.containsKey(name + ".lora_embedding_A")
        || a == null && last.matches(".*embed(ding)?s?(_tokens|_positions)?|wte|wpe|shared|.*attention_bias")) {
      return ModuleInfo.embedding(name, first, second);
    }
    boolean turned = a == null || first == second ? type.equals("gpt2") && name.contains(".h.") : a.shape().getLast() == first;
    return turned ? new ModuleInfo(name, Kind.CONV1D, first, second, bias) : ModuleInfo.linear(name, second, first, bias);
  }
}
