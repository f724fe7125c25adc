package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.config.TargetSelector;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Which modules PEFT selects, with rank, alpha and scale; and its defaults by architecture. */
class GoldenTargetsTest {

  @TestFactory
  Stream<DynamicTest> selection() {
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    GoldenCases.read("targets", cases).forEach((file, all) -> {
      if (all.path("cases").isEmpty() && all.path("lora").isEmpty()) {
        cases.put(GoldenCases.name(file), () -> {
          throw GoldenCases.notYet("neither a list of cases nor a table of defaults");
        });
      }
      for (JsonNode c : all.path("cases")) {
        JsonNode modules = all.path("models").path(c.path("model").textValue());
        cases.put(GoldenCases.name(file) + " " + c.path("model").textValue() + " " + c.path("config"), () -> compare(c, modules));
      }
    });
    return GoldenCases.tests("targets", cases);
  }

  private static void compare(JsonNode c, JsonNode modules) {
    ModelDescription model = describe(modules);
    Map<String, Object> settings = GoldenCases.map(c.path("config"));
    Object dora = settings.remove("use_dora"); // selects like plain LoRA; its extra tensor is the method's matter
    LoraConfig config = LoraConfig.ofSettings(settings);
    if (c.has("error")) {
      assertThrows(ConfigException.class, () -> new LoraMethod().create(config, model));
      return;
    }
    Map<String, String> expected = new LinkedHashMap<>();
    c.path("modules").properties().forEach(e -> expected.put(e.getKey(), "r %s alpha %s scaling %s".formatted(
        e.getValue().path("r").asInt(), e.getValue().path("alpha").asDouble(), e.getValue().path("scaling").asDouble())));
    Map<String, String> got = new LinkedHashMap<>();
    List<TargetSelector.Selected> selected = new TargetSelector(config, model).select();
    selected.forEach(s -> got.put(s.module().name(), "r %s alpha %s scaling %s".formatted(s.rank(), s.alpha(), s.scaling())));
    assertEquals(expected, got);
    if (dora == null) {
      savedKeys(c, config, model);
    }
  }

  /**
   * The names in the file; a pattern that matches nothing is a note. PEFT also writes the frozen weights of a model whose embeddings are
   * targeted ({@code save_embedding_layers="auto"}); they are the base model's, not the adapter's.
   */
  private static void savedKeys(JsonNode c, LoraConfig config, ModelDescription model) {
    List<String> saved = new ArrayList<>();
    c.path("saved_keys").forEach(k -> saved.add(k.textValue()));
    saved.removeIf(key -> key.endsWith(".base_layer.weight"));
    assertEquals(saved.stream().sorted().toList(),
        new LoraMethod().restore(config.toPeft(), model).parameters().stream().map(p -> p.key()).sorted().toList());
  }

  /** Sizes are not recorded and do not matter for selection. Class names that lora4j has no kind for stand for modules without a weight. */
  static ModelDescription describe(JsonNode modules) {
    List<ModuleInfo> list = new ArrayList<>();
    String type = "";
    Optional<String> output = Optional.empty();
    for (JsonNode m : modules) {
      String name = m.get(0).textValue();
      boolean bert = name.startsWith("bert.") || name.equals("classifier");
      type = name.startsWith("bert.") ? "bert" : name.startsWith("transformer.") ? "gpt2" : name.startsWith("model.") ? "llama" : type;
      output = name.equals("lm_head") ? Optional.of(name) : output;
      list.add(switch (m.get(1).textValue()) {
        case "Linear" -> ModuleInfo.linear(name, 8, 8, bert);
        case "Conv1D" -> new ModuleInfo(name, Kind.CONV1D, 8, 8, true);
        case "Embedding" -> ModuleInfo.embedding(name, 8, 8);
        case "LayerNorm" -> ModuleInfo.layerNorm(name, 8);
        case "Dropout" -> ModuleInfo.other(name, Kind.DROPOUT);
        default -> ModuleInfo.other(name, Kind.ACTIVATION);
      });
    }
    return new ModelDescription(type, list, output, Map.of());
  }

  @TestFactory
  Stream<DynamicTest> defaults() {
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    GoldenCases.read("targets", cases).forEach((file, all) -> {
      JsonNode table = all.path("lora");
      table.properties().forEach(e -> cases.put(GoldenCases.name(file) + " " + e.getKey(), () -> {
        TargetModules targets = new TargetSelector(LoraConfig.builder().build(), ModelDescription.of(e.getKey(), List.of())).targets();
        List<String> names = new ArrayList<>();
        e.getValue().forEach(n -> names.add(n.textValue()));
        assertEquals(e.getValue().isTextual() ? new TargetModules.Regex(e.getValue().textValue()) : new TargetModules.Names(names),
            targets);
      }));
    });
    return GoldenCases.tests("targets", cases);
  }
}
