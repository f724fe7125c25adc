package io.github.lora4j.lora.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.TestModels;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** PEFT's rules about configs and files that users met, and what is said where it refuses or fails. */
class PeftRulesTest {

  private static final ModelDescription BERT = TestModels.bert();

  private static ModelDescription llama(int vocabulary) {
    return new ModelDescription("llama", List.of(ModuleInfo.embedding("model.embed_tokens", vocabulary, 8),
        ModuleInfo.rmsNorm("model.layers.0.input_layernorm", 8), ModuleInfo.linear("model.layers.0.self_attn.q_proj", 8, 8, false),
        ModuleInfo.rmsNorm("model.norm", 8), ModuleInfo.linear("lm_head", 8, vocabulary, false)), Optional.of("lm_head"), Map.of());
  }

  private static Adapter create(ModelDescription model, Object... settings) {
    return AdapterMethod.named("lora").create(map(settings), model);
  }

  private static Map<String, Object> map(Object... settings) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < settings.length; i += 2) {
      map.put((String) settings[i], settings[i + 1]);
    }
    return map;
  }

  private static void refused(Executable call, String... parts) {
    String message = assertThrows(ConfigException.class, call).getMessage();
    for (String part : parts) {
      assertTrue(message.contains(part), message);
    }
  }

  private static List<String> base(Adapter adapter) {
    return adapter.parameters().stream().filter(AdapterParameter::ofBase).map(AdapterParameter::slot).toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"gaussian", "orthogonal", "pissa", "pissa_niter_4", "olora", "mica"})
  void aBiasBehindBGoesWithTheDefaultStartsAlone(String start) {
    refused(() -> create(BERT, "target_modules", List.of("query"), "lora_bias", true, "init_lora_weights", start), "lora_bias", start);
    refused(() -> new LoraMethod().restore(map("target_modules", List.of("query"), "lora_bias", true, "init_lora_weights", start), BERT), "lora_bias",
        start);
    create(BERT, "target_modules", List.of("query"), "lora_bias", true, "init_lora_weights", false);
  }

  /** PEFT: {@code key.endswith(name)}, wherever the word begins. */
  @Test
  void modulesToSaveAreEndsOfNames() {
    ModelDescription distil = ModelDescription.of("distilbert", List.of(ModuleInfo.linear("distilbert.q_lin", 8, 8, true),
        ModuleInfo.linear("pre_classifier", 8, 8, true), ModuleInfo.linear("classifier", 8, 2, true), ModuleInfo.linear("classifier_2", 8, 2, true)));
    assertEquals(List.of("pre_classifier.weight", "pre_classifier.bias", "classifier.weight", "classifier.bias"),
        base(create(distil, "target_modules", List.of("q_lin"), "task_type", "SEQ_CLS")));
    assertEquals(List.of("lm_head.weight"), base(create(llama(11), "target_modules", List.of("q_proj"), "modules_to_save", List.of("head"))));
    assertEquals(List.of("model.layers.0.input_layernorm.weight", "model.norm.weight"), base(create(llama(11), "target_modules",
        List.of("q_proj"), "modules_to_save", List.of("norm"))));
    // What lies inside such a module is part of it.
    assertEquals(List.of("bert.encoder.layer.1.output.dense.weight", "bert.encoder.layer.1.output.dense.bias",
        "bert.encoder.layer.1.output.LayerNorm.weight", "bert.encoder.layer.1.output.LayerNorm.bias"), base(create(BERT, "target_modules",
            List.of("query"), "modules_to_save", List.of("1.output"))));
  }

  /** What LoRA leaves alone for its sake is found by whole parts of names, as in PEFT; what is both would be wrapped twice. */
  @Test
  void aModuleCannotBeAdaptedAndSaved() {
    refused(() -> create(llama(11), "target_modules", List.of("q_proj", "lm_head"), "modules_to_save", List.of("head")), "lm_head",
        "modules_to_save");
  }

  @Test
  void whatExclusionsTakeAwayIsSaid() {
    refused(() -> create(BERT, "target_modules", List.of("query", "value"), "exclude_modules", "bert\\..*"), "exclude_modules",
        "takes away", "layer.0.attention.self.query");
    refused(() -> create(llama(11), "target_modules", List.of("lm_head"), "modules_to_save", List.of("lm_head")), "modules_to_save",
        "takes away");
    refused(() -> create(BERT, "target_modules", List.of("query"), "layers_to_transform", List.of(7)), "layers_to_transform");
  }

  /** A number stays a number and a text a text, in the file as in the recipe. */
  @Test
  void layersAreKeptAsWritten() {
    Map<String, Object> scalars = create(BERT, "target_modules", List.of("query"), "layers_to_transform", 1, "layers_pattern", "layer").peftConfig();
    assertEquals(1, scalars.get("layers_to_transform"));
    assertEquals("layer", scalars.get("layers_pattern"));
    Map<String, Object> lists = create(BERT, "target_modules", List.of("query"), "layers_to_transform", List.of(1), "layers_pattern",
        List.of("layer")).peftConfig();
    assertEquals(List.of(1), lists.get("layers_to_transform"));
    assertEquals(List.of("layer"), lists.get("layers_pattern"));
  }

  @Test
  void theScaleIsANumberInF32() {
    refused(() -> create(BERT, "target_modules", List.of("query"), "lora_alpha", 1e308), "lora_alpha", "1.0E308");
    refused(() -> create(BERT, "target_modules", List.of("query"), "lora_alpha", 1e-300), "lora_alpha");
    refused(() -> create(BERT, "target_modules", List.of("query"), "alpha_pattern", Map.of("query", 1e300)), "alpha_pattern");
    refused(() -> AdapterMethod.named("lora+").create(map("target_modules", List.of("query"), "loraplus_lr_ratio", 1e300), BERT),
        "loraplus_lr_ratio");
    refused(() -> AdapterMethod.named("lora+").create(map("target_modules", List.of("query"), "loraplus_lr_embedding", 1e300), BERT),
        "loraplus_lr_embedding");
  }

  @Test
  void aMethodHasOnePlusAtMost() {
    refused(() -> AdapterMethod.named("lora++"), "'lora++'", "one plus");
    refused(() -> AdapterMethod.named("lora" + "+".repeat(100_000)), "one plus");
    refused(() -> AdapterMethod.named("+"), "''");
  }

  @Test
  void expressionsThatTryEverythingGiveUp() {
    for (String regex : List.of("(()?)".repeat(400), "(()|())".repeat(40) + "x", "(?:|){30}{30}x", "(a?|b?)".repeat(40) + "zz",
        "((((){90}){90}){90}){90}")) {
      assertTimeoutPreemptively(Duration.ofSeconds(10), () -> assertThrows(ConfigException.class, () -> create(BERT, "target_modules", regex)));
    }
    refused(() -> create(BERT, "target_modules", "^?".repeat(60) + "x"), "nothing to repeat");
    refused(() -> create(BERT, "target_modules", "\\b*x"), "nothing to repeat");
  }

  @Test
  void manyPatternsAreReadQuicklyOrNotAtAll() {
    Map<String, Object> ranks = new TreeMap<>();
    for (int i = 0; i < 9_000; i++) {
      ranks.put("layer.%d.attention.self.query".formatted(i), 4);
    }
    assertTimeoutPreemptively(Duration.ofSeconds(10), () -> refused(() -> create(BERT, "target_modules", List.of("query"), "rank_pattern", ranks),
        "rank_pattern", "matches none"));
    for (int i = 9_000; i < 200_000; i++) {
      ranks.put("layer.%d.attention.self.query".formatted(i), 4);
    }
    assertTimeoutPreemptively(Duration.ofSeconds(10), () -> refused(() -> create(BERT, "target_modules", List.of("query"), "rank_pattern", ranks),
        "rank_pattern has 200,000 entries"));
  }

  private static void save(Path dir, Map<String, Object> config, Map<String, List<Long>> tensors) throws IOException {
    Files.createDirectories(dir);
    StringBuilder json = new StringBuilder("{");
    config.forEach((key, value) -> json.append(json.length() > 1 ? ", " : "").append('"').append(key).append("\": ").append(value));
    Files.writeString(dir.resolve("adapter_config.json"), json.append('}'));
    SafetensorsWriter writer = new SafetensorsWriter();
    tensors.forEach((name, shape) -> {
      float[] values = new float[(int) (long) shape.stream().reduce(1L, (a, b) -> a * b)];
      java.util.Arrays.fill(values, name.contains("original_module") ? 7 : 3);
      writer.add(new TensorInfo(name, DType.F32, shape), MemorySegment.ofArray(values));
    });
    writer.write(dir.resolve("adapter_model.safetensors"));
  }

  private static Map<String, List<Long>> lora(String module, long in, long out) {
    return new HashMap<>(Map.of("base_model.model." + module + ".lora_A.weight", List.of(2L, in), "base_model.model." + module + ".lora_B.weight",
        List.of(out, 2L)));
  }

  /** After tokens were added PEFT saves a whole embedding three times: the trained one, again, and the base's. */
  @Test
  void embeddingsSavedWithAddedTokens(@TempDir Path dir) throws IOException {
    Map<String, List<Long>> tensors = lora("model.layers.0.self_attn.q_proj", 8, 8);
    for (String module : List.of("model.embed_tokens", "lm_head")) {
      for (String key : List.of("weight", "modules_to_save.weight", "original_module.weight")) {
        tensors.put("base_model.model.%s.%s".formatted(module, key), List.of(14L, 8L));
      }
    }
    save(dir, map("peft_type", "\"LORA\"", "task_type", "\"CAUSAL_LM\"", "r", 2, "target_modules", "[\"q_proj\"]", "modules_to_save",
        "[\"embed_tokens\", \"lm_head\"]"), tensors);
    try (LoadedAdapter loaded = PeftFormat.load(dir, llama(14))) {
      assertEquals(3, loaded.values().get("lm_head.weight").getAtIndex(ValueLayout.JAVA_FLOAT, 5));
      assertEquals(3, loaded.values().get("model.embed_tokens.weight").getAtIndex(ValueLayout.JAVA_FLOAT, 5));
    }
    String small = assertThrows(FormatException.class, () -> PeftFormat.load(dir, llama(12)).close()).getMessage();
    assertTrue(small.contains("resize the base model to 14"), small);
  }

  /** Where older files hold the trained copy under the wrapper's name alone, that is the one. */
  @Test
  void theTrainedCopyMayLieUnderItsWrappersName(@TempDir Path dir) throws IOException {
    Map<String, List<Long>> tensors = lora("model.layers.0.self_attn.q_proj", 8, 8);
    tensors.put("base_model.model.lm_head.modules_to_save.weight", List.of(11L, 8L));
    tensors.put("base_model.model.lm_head.original_module.weight", List.of(11L, 8L));
    save(dir, map("peft_type", "\"LORA\"", "r", 2, "target_modules", "[\"q_proj\"]", "modules_to_save", "[\"lm_head\"]"), tensors);
    try (LoadedAdapter loaded = PeftFormat.load(dir, llama(11))) {
      assertEquals(3, loaded.values().get("lm_head.weight").getAtIndex(ValueLayout.JAVA_FLOAT, 5));
    }
  }

  /** EVA chooses A and leaves the base alone, so a trained one is plain LoRA; the others' base is another. */
  @Test
  void anAdapterThatEvaStartedLoads(@TempDir Path dir) throws IOException {
    save(dir, map("peft_type", "\"LORA\"", "r", 2, "target_modules", "[\"q_proj\"]", "init_lora_weights", "\"eva\"", "eva_config",
        "{\"rho\": 2.0, \"tau\": 0.99}"), lora("model.layers.0.self_attn.q_proj", 8, 8));
    try (LoadedAdapter loaded = PeftFormat.load(dir, llama(11))) {
      assertEquals("eva", loaded.adapter().peftConfig().get("init_lora_weights"));
      assertEquals(Map.of("rho", 2.0, "tau", 0.99), loaded.adapter().peftConfig().get("eva_config"));
      assertEquals(List.of(), loaded.adapter().notes());
      loaded.adapter().toLora(loaded.values()).close();
    }
    refused(() -> create(llama(11), "target_modules", List.of("q_proj"), "init_lora_weights", "eva"), "eva is not supported yet");
    for (String other : List.of("corda", "loftq", "lora_ga")) {
      refused(() -> new LoraMethod().restore(map("target_modules", List.of("q_proj"), "init_lora_weights", other), llama(11)), other,
          "path_initial_model_for_weight_conversion");
    }
  }

  @Test
  void biasesThatPeftForgotAreNamed(@TempDir Path dir) throws IOException {
    Map<String, List<Long>> tensors = new HashMap<>(lora("bert.encoder.layer.0.attention.self.query", 24, 24));
    tensors.putAll(lora("bert.encoder.layer.1.attention.self.query", 24, 24));
    save(dir, map("peft_type", "\"LORA\"", "r", 2, "target_modules", "[\"query\"]", "bias", "\"lora_only\""), tensors);
    String message = assertThrows(FormatException.class, () -> PeftFormat.load(dir, BERT).close()).getMessage();
    assertTrue(message.contains("set bias to \"none\""), message);
  }

  @Test
  void anAdapterOfMlxIsNamed(@TempDir Path dir) throws IOException {
    save(dir, map("fine_tune_type", "\"lora\"", "num_layers", 1, "lora_parameters", "{\"rank\": 2, \"scale\": 2.0}"), Map.of());
    String message = assertThrows(FormatException.class, () -> PeftFormat.load(dir, BERT).close()).getMessage();
    assertTrue(message.contains("MLX") && message.contains("mlx_lm"), message);
  }
}
