package io.github.lora4j.lora.plain;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Trainable tokens, bare parameters, tied weights, replicated layers: what is refused, what is said, what a merge and a file hold. */
class ReachTest {

  private static final int VOCABULARY = 13;
  private static final int HIDDEN = 6;
  private static final ModelDescription UNTIED = model(Map.of());
  private static final ModelDescription TIED = model(Map.of("lm_head.weight", "model.embed_tokens.weight"));

  @TempDir
  Path temp;

  private static ModelDescription model(Map<String, String> tied) {
    return new ModelDescription("tiny", List.of(ModuleInfo.other("model", ModuleInfo.Kind.CONTAINER),
        ModuleInfo.embedding("model.embed_tokens", VOCABULARY, HIDDEN), ModuleInfo.linear("model.layers.0.q_proj", HIDDEN, HIDDEN, true),
        ModuleInfo.linear("model.layers.1.q_proj", HIDDEN, HIDDEN, true), ModuleInfo.rmsNorm("model.norm", HIDDEN),
        ModuleInfo.linear("lm_head", HIDDEN, VOCABULARY, false)), Optional.of("lm_head"), tied);
  }

  private static LoraAdapter adapter(ModelDescription model, Object... settings) {
    Map<String, Object> all = new LinkedHashMap<>(Map.of("target_modules", List.of("q_proj"), "r", 2, "init_lora_weights", false));
    for (int i = 0; i < settings.length; i += 2) {
      all.put((String) settings[i], settings[i + 1]);
    }
    return new LoraMethod().create(all, model);
  }

  private static void refused(String part, ModelDescription model, Object... settings) {
    String message = assertThrows(ConfigException.class, () -> adapter(model, settings)).getMessage();
    assertTrue(message.contains(part), message);
  }

  @Test
  void tokensThatCannotTrain() {
    refused("entry 13 of model.embed_tokens does not exist, it has 13", UNTIED, "trainable_token_indices", List.of(1, 13));
    refused("cannot be negative, got -1", UNTIED, "trainable_token_indices", List.of(-1));
    refused("names an entry twice", UNTIED, "trainable_token_indices", List.of(4, 4));
    refused("names 'nothing', which is no module", UNTIED, "trainable_token_indices", Map.of("nothing", List.of(1)));
    refused("is a LayerNorm, which has no rows", UNTIED, "trainable_token_indices", Map.of("model.norm", List.of(1)));
    refused("trains whole by modules_to_save", UNTIED, "trainable_token_indices", List.of(1), "modules_to_save", List.of("embed_tokens"));
    refused("lm_head trains whole", TIED, "trainable_token_indices", List.of(1), "modules_to_save", List.of("lm_head"));
    refused("is adapted by LoRA", UNTIED, "trainable_token_indices", List.of(1), "target_modules", List.of("q_proj", "embed_tokens"));
    refused("must have the same entries", TIED, "ensure_weight_tying", true, "trainable_token_indices", Map.of("embed_tokens", List.of(1),
        "lm_head", List.of(2)));
    refused("trainable_token_indices must be a whole number", UNTIED, "trainable_token_indices", List.of("a"));
  }

  @Test
  void parametersThatCannotBeAdapted() {
    refused("does not go together with lora_dropout, use_dora", UNTIED, "target_modules", List.of(), "target_parameters",
        List.of("q_proj.weight"), "lora_dropout", 0.1, "use_dora", true);
    refused("embed_tokens.weight of a Embedding cannot be adapted", UNTIED, "target_parameters", List.of("embed_tokens.weight"));
    refused("q_proj.bias of a Linear cannot be adapted", UNTIED, "target_parameters", List.of("layers.0.q_proj.bias"));
    refused("'k_proj.weight' matches no parameter", UNTIED, "target_parameters", List.of("k_proj.weight"));
    refused("both select model.layers.0.q_proj", UNTIED, "target_parameters", List.of("layers.0.q_proj.weight"));
  }

  @Test
  void aBareParameterHasItsOwnRankByThePatternOfItsWholeName() {
    LoraAdapter adapter = adapter(UNTIED, "target_modules", List.of(), "target_parameters", List.of("q_proj.weight"),
        "rank_pattern", Map.of("layers.1.q_proj.weight", 5));
    assertEquals(List.of(2, 5), adapter.sites().values().stream().map(s -> s.target().rank()).toList());
    assertEquals(List.of(), adapter.peftConfig().get("target_modules"));
    assertEquals(List.of("q_proj.weight"), adapter.peftConfig().get("target_parameters"));
  }

  @Test
  void layersMustBeReplicatedFirst() {
    refused("makes 3 layers, but this tiny model has 2", UNTIED, "layer_replication", List.of(List.of(0, 2), List.of(1, 2)));
    refused("must be [first, end] with 0 <= first < end, got [2, 1]", UNTIED, "layer_replication", List.of(List.of(2, 1)));
    refused("must be [first, end]", UNTIED, "layer_replication", List.of(3));
  }

  @Test
  void tiedWeightsAreSpokenOf() {
    assertTrue(note(TIED, "modules_to_save", List.of("embed_tokens")).contains("cannot be merged without untying"));
    assertTrue(note(TIED, "target_modules", List.of("lm_head")).contains("ensure_weight_tying"));
    assertTrue(note(UNTIED, "ensure_weight_tying", true).contains("ties no weights"));
    assertTrue(note(TIED, "ensure_weight_tying", true).contains("has no effect"));
    assertEquals(List.of(), adapter(TIED, "trainable_token_indices", List.of(3)).notes());
    refused("cannot keep it tied", TIED, "ensure_weight_tying", true, "use_dora", true, "target_modules", List.of("lm_head"));
  }

  private static String note(ModelDescription model, Object... settings) {
    List<String> notes = adapter(model, settings).notes();
    assertEquals(1, notes.size(), notes.toString());
    return notes.getFirst();
  }

  @Test
  void whatIsAskedOfEitherEndIsDoneAtTheEmbedding() {
    for (Object targets : List.of(List.of("lm_head", "q_proj"), List.of("embed_tokens", "q_proj"), "lm_head|.*q_proj")) {
      LoraAdapter adapter = adapter(TIED, "ensure_weight_tying", true, "target_modules", targets);
      assertEquals(Set.of("model.embed_tokens", "model.layers.0.q_proj", "model.layers.1.q_proj"), adapter.sites().keySet());
      assertEquals(adapter.sites().keySet(), new LoraMethod().restore(adapter.peftConfig(), TIED).sites().keySet());
    }
    assertEquals(Set.of("model.embed_tokens.weight"), adapter(TIED, "ensure_weight_tying", true, "modules_to_save", List.of("lm_head"))
        .parameters().stream().filter(AdapterParameter::ofBase).map(AdapterParameter::slot).collect(Collectors.toSet()));
    assertFalse(adapter(TIED, "ensure_weight_tying", true, "modules_to_save", List.of("lm_head")).untied("lm_head"));
    assertTrue(adapter(TIED, "modules_to_save", List.of("lm_head")).untied("lm_head"));
  }

  @Test
  void aMergeOfBothEndsAlikeKeepsThemTied() throws Exception {
    for (Map<String, Object> settings : List.<Map<String, Object>>of(Map.of("target_modules", List.of("embed_tokens")),
        Map.of("modules_to_save", List.of("lm_head")), Map.of("trainable_token_indices", List.of(7, 2)))) {
      List<Object> all = new ArrayList<>(List.of("ensure_weight_tying", true));
      settings.forEach((key, value) -> all.addAll(List.of(key, value)));
      LoraAdapter adapter = adapter(TIED, all.toArray());
      Map<String, float[]> tied = merge(TIED, adapter, false);
      assertFalse(tied.containsKey("lm_head.weight"));
      Map<String, float[]> untied = merge(TIED, adapter, true);
      assertArrayEquals(tied.get("model.embed_tokens.weight"), untied.get("model.embed_tokens.weight"));
      assertArrayEquals(untied.get("model.embed_tokens.weight"), untied.get("lm_head.weight"));
      assertTrue(untied.get("lm_head.weight")[7 * HIDDEN] != 0, settings.toString());
    }
  }

  @Test
  void aMergeOfOneEndWritesBothOrNothing() throws Exception {
    for (List<String> targets : List.of(List.of("embed_tokens"), List.of("lm_head"))) {
      LoraAdapter adapter = adapter(TIED, "target_modules", targets);
      String message = assertThrows(ConfigException.class, () -> merge(TIED, adapter, false)).getMessage();
      assertTrue(message.contains("lm_head.weight and model.embed_tokens.weight") && message.contains("untie"), message);
      Map<String, float[]> untied = merge(TIED, adapter, true);
      boolean head = targets.contains("lm_head");
      assertTrue(untied.get("lm_head.weight")[0] != 0 == head);
      assertTrue(untied.get("model.embed_tokens.weight")[0] != 0 != head);
    }
  }

  @Test
  void tokensChangeTheirRowsAlone() throws Exception {
    float[] merged = merge(UNTIED, adapter(UNTIED, "trainable_token_indices", List.of(7, 2)), false).get("model.embed_tokens.weight");
    for (int i = 0; i < VOCABULARY; i++) {
      // The i-th value of the test's parameters is i + 1.
      assertEquals(i == 7 ? 1 : i == 2 ? HIDDEN + 1 : 0, merged[i * HIDDEN], "row " + i);
    }
  }

  @Test
  void aTokenThatIsNotFiniteStopsTheMerge() {
    LoraAdapter adapter = adapter(TIED, "trainable_token_indices", List.of(7));
    try (AdapterValues values = values(adapter)) {
      values.get("model.embed_tokens.token_adapter.trainable_tokens_delta").setAtIndex(ValueLayout.JAVA_FLOAT, 3, Float.POSITIVE_INFINITY);
      Path file = temp.resolve("broken.safetensors");
      String message = assertThrows(FormatException.class, () -> write(TIED, adapter, values, false, file)).getMessage();
      assertTrue(message.contains("model.embed_tokens.weight becomes Infinity"), message);
      assertFalse(Files.exists(file));
    }
  }

  @Test
  void fullFineTuningOfATiedModelTrainsAndMergesOneWeight() throws Exception {
    Adapter full = AdapterMethod.named("full").create(Map.of(), TIED);
    assertTrue(full.parameters().stream().noneMatch(p -> p.slot().startsWith("lm_head")));
    assertFalse(merge(TIED, full, false).containsKey("lm_head.weight"));
    Map<String, float[]> untied = merge(TIED, full, true);
    assertArrayEquals(untied.get("model.embed_tokens.weight"), untied.get("lm_head.weight"));
  }

  @Test
  void copiesInAFileMustBeCopies() {
    LoraAdapter adapter = adapter(TIED, "ensure_weight_tying", true, "target_modules", List.of("embed_tokens"));
    Path directory = temp.resolve("tied");
    try (AdapterValues values = values(adapter)) {
      PeftFormat.save(directory, adapter, values);
    }
    PeftFormat.load(directory, TIED).close();
    rewrite(directory, Map.of("base_model.model.lm_head.lora_A.weight", List.of(2L, (long) HIDDEN)));
    String message = assertThrows(FormatException.class, () -> PeftFormat.load(directory, TIED)).getMessage();
    assertTrue(message.contains("not trained tied") || message.contains("should be a copy"), message);
  }

  @Test
  void aTiedEmbeddingThatTrainsIsStoredAtBothEnds() {
    LoraAdapter adapter = adapter(TIED, "ensure_weight_tying", true, "modules_to_save", List.of("embed_tokens"));
    Path directory = temp.resolve("whole");
    try (AdapterValues values = values(adapter)) {
      PeftFormat.save(directory, adapter, values);
    }
    try (Checkpoint file = Checkpoint.open(directory.resolve(PeftFormat.WEIGHTS))) {
      assertTrue(file.names().containsAll(Set.of("base_model.model.model.embed_tokens.weight", "base_model.model.lm_head.weight")));
    }
    PeftFormat.load(directory, TIED).close();
  }

  @Test
  void frozenWeightsInAFileMustBeTheBases() {
    LoraAdapter adapter = adapter(UNTIED, "target_modules", List.of("lm_head"));
    Path directory = temp.resolve("head");
    try (AdapterValues values = values(adapter)) {
      PeftFormat.save(directory, adapter, values);
    }
    String key = "base_model.model.lm_head.base_layer.weight";
    rewrite(directory, Map.of(key, List.of((long) VOCABULARY, (long) HIDDEN)));
    try (LoadedAdapter loaded = PeftFormat.load(directory, UNTIED)) {
      Path file = temp.resolve("same.safetensors");
      write(UNTIED, loaded.adapter(), loaded.values(), false, file); // zeros there, zeros here
      String message = assertThrows(FormatException.class, () -> loaded.values().requireBase((_, target) -> {
        target.fill((byte) 1);
        return true;
      })).getMessage();
      assertTrue(message.contains("lm_head.weight that differs"), message);
    }
    rewrite(directory, Map.of(key, List.of((long) VOCABULARY + 3, (long) HIDDEN)));
    String message = assertThrows(FormatException.class, () -> PeftFormat.load(directory, UNTIED)).getMessage();
    assertTrue(message.contains("has 16 entries, the base model 13") && message.contains("resize"), message);
  }

  /** The directory's tensors with others added or replaced, zero. */
  private static void rewrite(Path directory, Map<String, List<Long>> zeros) {
    Path file = directory.resolve(PeftFormat.WEIGHTS);
    SafetensorsWriter writer = new SafetensorsWriter();
    try (Checkpoint old = Checkpoint.open(file); Arena arena = Arena.ofConfined()) {
      old.names().stream().filter(name -> !zeros.containsKey(name)).forEach(name -> {
        MemorySegment data = arena.allocate(old.info(name).elements() * Float.BYTES, 8);
        old.read(name, DType.F32, data);
        writer.add(new TensorInfo(name, DType.F32, old.info(name).shape()), data);
      });
      zeros.forEach((name, shape) -> writer.add(new TensorInfo(name, DType.F32, shape), data -> data.fill((byte) 0)));
      writer.write(file);
    }
  }

  /** Values 1, 2, 3, … of each parameter. */
  private static AdapterValues values(Adapter adapter) {
    AdapterValues values = new AdapterValues(adapter.parameters());
    adapter.parameters().forEach(p -> {
      for (long i = 0; i < p.elements(); i++) {
        values.get(p.slot()).setAtIndex(ValueLayout.JAVA_FLOAT, i, i + 1);
      }
    });
    return values;
  }

  /** Merged onto a base of zeros. */
  private Map<String, float[]> merge(ModelDescription model, Adapter adapter, boolean untie) throws Exception {
    Path file = Files.createTempFile(temp, "merged", ".safetensors");
    Files.delete(file);
    try (AdapterValues values = values(adapter)) {
      write(model, adapter, values, untie, file);
    }
    Map<String, float[]> tensors = new LinkedHashMap<>();
    try (Checkpoint merged = Checkpoint.open(file); Arena arena = Arena.ofConfined()) {
      merged.names().forEach(name -> {
        MemorySegment data = arena.allocate(merged.info(name).elements() * Float.BYTES, 8);
        merged.read(name, DType.F32, data);
        tensors.put(name, data.toArray(ValueLayout.JAVA_FLOAT));
      });
    }
    return tensors;
  }

  private void write(ModelDescription model, Adapter adapter, AdapterValues values, boolean untie, Path file) {
    Path zeros = temp.resolve("zeros.safetensors");
    SafetensorsWriter writer = new SafetensorsWriter();
    model.modules().forEach(m -> ModelDescription.parameters(m).forEach((name, shape) -> {
      if (!model.tied().containsKey(name)) {
        writer.add(new TensorInfo(name, DType.F32, shape), data -> data.fill((byte) 0));
      }
    }));
    writer.write(zeros);
    try (Checkpoint base = Checkpoint.open(zeros)) {
      LoraMerge.write(base, UnaryOperator.identity(), model, adapter, values, untie, file);
    }
  }
}
