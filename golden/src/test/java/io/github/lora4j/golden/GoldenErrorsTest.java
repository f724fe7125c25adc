package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMerge;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.lora.sets.AdapterCombination;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.lora.sets.CombinationType;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.TrainingException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * The odd situations that were tried on PEFT: what lora4j does in each. Where PEFT is silent about what can only be a mistake, lora4j
 * raises an error; the comments say where the two differ.
 */
class GoldenErrorsTest {

  private static final ModelDescription MLP = ModelDescription.of("mlp", List.of(ModuleInfo.linear("fc1", 11, 17, true),
      ModuleInfo.other("act", Kind.ACTIVATION), ModuleInfo.linear("fc2", 17, 5, true)));

  @TempDir
  Path temp;

  @TestFactory
  Stream<DynamicTest> situations() {
    Map<String, GoldenCases.Check> ours = ours();
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    GoldenCases.read("errors", cases).forEach((file, all) -> {
      for (JsonNode c : all.path("cases")) {
        String name = c.path("case").asText();
        cases.put(name, ours.getOrDefault(name, () -> other(name, c)));
      }
      if (all.path("cases").isEmpty()) {
        cases.put(GoldenCases.name(file), () -> {
          throw GoldenCases.notYet("no list of cases");
        });
      }
    });
    return GoldenCases.tests("errors", cases);
  }

  /** Situations that are told by what their names say; what is unknown here is reported. */
  private static void other(String name, JsonNode c) {
    if (name.startsWith("lora_bias_and_") && c.has("exception")) {
      refused("lora_bias", "lora_bias", true, "init_lora_weights", name.substring("lora_bias_and_".length()));
      return;
    }
    if (name.startsWith("exclude_all") && c.has("exception")) {
      refused("exclude_modules", "target_modules", List.of("fc1", "fc2"), "exclude_modules", ".*fc.*");
      return;
    }
    throw GoldenCases.notYet("this situation is not known here");
  }

  private Map<String, GoldenCases.Check> ours() {
    Map<String, GoldenCases.Check> m = new LinkedHashMap<>();
    m.put("target_modules_match_nothing", () -> refused("nothing", "target_modules", List.of("nothing")));
    // PEFT: silent
    m.put("target_modules_partial_match", () -> refused("'nothing' matches no module", "target_modules", List.of("fc1", "nothing")));
    m.put("target_modules_none_unknown_model", () -> refused("has no default"));
    m.put("target_modules_empty_list", () -> refused("empty list", "target_modules", List.of()));
    m.put("target_unsupported_layer", () -> refused("Activation", "target_modules", List.of("act")));
    m.put("r_zero", () -> refused("r must be", "r", 0));
    m.put("r_float", () -> refused("r must be a whole number, got 4.5", "r", 4.5));
    m.put("alpha_zero", () -> refused("lora_alpha must be positive", "lora_alpha", 0)); // PEFT: scaling 0
    m.put("dropout_negative", () -> refused("lora_dropout", "lora_dropout", -0.5)); // PEFT: no dropout
    m.put("task_type_invalid", () -> refused("FEATURE_EXTRACTION, got FOO", "task_type", "FOO"));
    m.put("init_invalid", () -> refused("got foo", "init_lora_weights", "foo"));
    m.put("layers_pattern_without_layers", () -> refused("layers_to_transform", "layers_pattern", "layers"));
    m.put("dora_and_megatron", () -> refused("megatron_config", "use_dora", true, "megatron_config", Map.of("a", 1)));
    m.put("lora_bias_and_dora", () -> refused("lora_bias", "use_dora", true, "lora_bias", true));
    m.put("unknown_config_field", () -> refused("unknown key 'foo'", "foo", 1));
    m.put("modules_to_save_no_match", () -> refused("'nothing' matches no module", "modules_to_save", List.of("nothing"))); // PEFT: silent
    m.put("modules_to_save_also_target", () -> refused("'fc2' selects nothing", "modules_to_save", List.of("fc2"))); // PEFT: silent
    m.put("adalora_total_step_negative", () -> adaloraRefused("total_step must be at least 1", "total_step", -1));
    // PEFT wants to be told what the trainer knows.
    m.put("adalora_no_total_step", () -> assertTrue(adalora().hook(20).isPresent()));
    m.put("adalora_neg_orth", () -> adaloraRefused("orth_reg_weight must not be negative", "orth_reg_weight", -1));
    m.put("adalora_dora", () -> adaloraRefused("use_dora does not apply", "use_dora", true));
    m.put("adalora_loftq", () -> adaloraRefused("LoftQ", "loftq_config", Map.of("loftq_bits", 4)));
    m.put("adalora_init_r_zero", () -> adaloraRefused("init_r must be at least 1", "init_r", 0)); // PEFT: an adapter that does nothing
    m.put("adalora_add_weighted", this::combinesAdaLora); // PEFT: not supported
    m.put("adalora_init_r_equals_target_r", () -> adaloraRefused("below init_r", "init_r", 4, "target_r", 4)); // PEFT: crashes when training
    // PEFT wants to be called, at the right moments; here the trainer owns the schedule: see ScheduledAdaLora.
    m.put("adalora_update_before_backward", () -> ScheduledAdaLora.with(0.5, run -> {
      run.update(1);
      assertEquals(List.of(3, 3), run.ranks(), "no gradient yet, so nothing is judged");
    }));
    m.put("adalora_all_scores_tie", () -> ScheduledAdaLora.with(0, run -> {
      String note = "";
      for (int done = 1; done <= ScheduledAdaLora.STEPS; done++) {
        note += run.update(done);
      }
      assertTrue(note.contains("every importance is 0"), note); // PEFT: prunes everything
      assertEquals(List.of(3, 3), run.ranks());
      assertTrue(assertThrows(TrainingException.class, run::finish).getMessage().contains("no rank ever moved"));
    }));
    m.put("adalora_steps_beyond_total", () -> ScheduledAdaLora.with(0.5, run -> {
      for (int done = 1; done <= ScheduledAdaLora.STEPS + 4; done++) {
        run.gradients(done);
        run.update(done);
      }
      assertEquals(4, run.ranks().stream().mapToInt(r -> r).sum(), "the target's ranks, still");
    }));
    // PEFT: an attribute of None. The steps come from the run itself, so the one that settles the ranks is always met.
    m.put("adalora_skips_finalize_step", () -> {
      adaloraRefused(20, "total_step is 30 but the run has 20 steps", "total_step", 30);
      adaloraRefused(20, "leave no step of the run's 20", "tinit", 10, "tfinal", 10);
    });
    m.put("adalora_loaded_for_inference_with_labels", () -> ScheduledAdaLora.loaded(temp.resolve("labelled"), loss ->
        assertTrue(Float.isFinite(loss), "PEFT: AttributeError")));
    // PEFT adds the orthogonality term to evaluation's loss too, or never: here it is apart, in the update alone.
    m.put("adalora_orth_with_eval_loss", () -> ScheduledAdaLora.with(0.5, weighted -> ScheduledAdaLora.with(0, plain -> {
      assertEquals(plain.loss(), weighted.loss(), 0, "not part of the loss");
      weighted.gradients(1);
      weighted.update(1);
      assertTrue(weighted.penalty() > 0.1, "but reported");
    })));
    m.put("lora_bias_on_bias_free_layer", this::biasFree);
    m.put("merge_twice", this::mergedTwice);
    m.put("train_after_merge", this::mergedTwice); // a merged model is another file: what trains is never in a merged state
    m.put("get_peft_model_after_unload", () -> assertEquals(create().parameters(), create().parameters(),
        "a description is never wrapped"));
    m.put("fan_in_fan_out_on_linear", () -> {
      LoraAdapter adapter = create("fan_in_fan_out", true);
      assertTrue(adapter.notes().getFirst().contains("fan_in_fan_out"));
      assertFalse(adapter.config().fanInFanOut());
    });
    m.put("int8_base_weight", () -> {
      try (AdapterValues values = values(create())) {
        assertThrows(ConfigException.class, () -> LoraMerge.merge(create().sites().get("fc1"), values, DType.I8,
            MemorySegment.ofArray(new byte[187])));
      }
    });
    m.put("fp16_base_no_autocast", () -> mergesInto(DType.F16));
    m.put("bf16_base_adapter_dtype", () -> mergesInto(DType.BF16));
    m.put("merge_nan_safe", this::brokenMerge);
    m.put("merge_nan_safe_is_not_transactional", this::brokenMerge); // ours is
    m.put("load_good", () -> PeftFormat.load(saved("good", Map.of(), UnaryOperator.identity()), MLP).close());
    m.put("load_is_trainable", () -> {
      try (LoadedAdapter loaded = PeftFormat.load(saved("trainable", Map.of(), UnaryOperator.identity()), MLP)) {
        assertEquals(4, loaded.adapter().parameters().size());
        assertTrue(loaded.adapter().trainableGroup("fc1.weight").isEmpty());
      }
    });
    // PEFT: silent
    m.put("load_unexpected_keys", () -> notLoaded("unexpected", FormatException.class, Map.of(), put("base_model.model.fc9.lora_A.weight",
        4, 11)));
    m.put("load_wrong_shape", () -> notLoaded("[3, 3], expected [4, 11]", FormatException.class, Map.of(),
        put("base_model.model.fc1.lora_A.weight", 3, 3)));
    m.put("load_rank_in_config_differs", () -> notLoaded("Only the rank differs", FormatException.class, Map.of("r", 8),
        UnaryOperator.identity()));
    m.put("load_bad_peft_type", () -> notLoaded("'FOO' is not available", ConfigException.class, Map.of("peft_type", "FOO"),
        UnaryOperator.identity()));
    m.put("load_target_missing_in_model", () ->
        notLoaded("fc7", ConfigException.class, Map.of("target_modules", List.of("fc7")), UnaryOperator.identity()));
    m.put("load_unknown_config_field", () -> {
      try (LoadedAdapter loaded = PeftFormat.load(saved("future", Map.of("new_field_of_the_future", 1), UnaryOperator.identity()),
          MLP)) {
        assertTrue(loaded.adapter().notes().getFirst().contains("new_field_of_the_future"));
        assertEquals(1, loaded.adapter().peftConfig().get("new_field_of_the_future"));
      }
    });
    m.put("load_old_minimal_config", () -> {
      Path directory = saved("old", Map.of(), UnaryOperator.identity());
      Files.writeString(directory.resolve(PeftFormat.CONFIG), "{\"peft_type\": \"LORA\", \"r\": 4, \"target_modules\": [\"fc1\", "
          + "\"fc2\"]}");
      PeftFormat.load(directory, MLP).close();
    });
    m.put("load_no_weights", () -> {
      Path directory = saved("empty", Map.of(), UnaryOperator.identity());
      Files.delete(directory.resolve(PeftFormat.WEIGHTS));
      assertThrows(FormatException.class, () -> PeftFormat.load(directory, MLP));
    });
    m.put("load_truncated_file", () -> {
      Path file = saved("cut", Map.of(), UnaryOperator.identity()).resolve(PeftFormat.WEIGHTS);
      byte[] whole = Files.readAllBytes(file);
      for (int length : new int[] {0, 1, 7, 8, 100, whole.length / 2, whole.length - 1}) {
        Files.write(file, java.util.Arrays.copyOf(whole, length));
        assertThrows(FormatException.class, () -> PeftFormat.load(file.getParent(), MLP));
      }
    });
    m.put("load_f16_weights_dtype", () -> {
      Path directory = saved("half", Map.of(), UnaryOperator.identity());
      write(directory, DType.F16, shapes(directory));
      try (LoadedAdapter loaded = PeftFormat.load(directory, MLP)) {
        assertEquals(4 * 11 * 4, loaded.values().get("fc1.lora_A.weight").byteSize());
      }
    });
    m.put("load_keys_with_default_adapter_name", () -> PeftFormat.load(saved("named", Map.of(), shapes -> {
      Map<String, List<Long>> renamed = new LinkedHashMap<>();
      shapes.forEach((k, v) -> renamed.put(k.replace(".weight", ".default.weight"), v));
      return renamed;
    }), MLP).close());
    m.put("set_adapter_unknown", () -> several(set -> setRefuses("no adapter 'x'", () -> set.activate("x"))));
    m.put("add_adapter_other_type", () -> several(set -> { // AdaLoRA is LoRA when it does not train, so a set takes it
      add(set, "c", adalora());
      assertEquals(List.of("default", "b", "c"), set.names());
      setRefuses("Ia3Adapter has no form as plain LoRA", () -> add(set, "d", AdapterMethod.named("ia3").create(
          Map.of("target_modules", List.of("fc1"), "feedforward_modules", List.of()), MLP)));
    }));
    m.put("add_adapter_bias_conflict", () -> several(set -> setRefuses("only one such adapter can be on a model",
        () -> add(set, "c", create("bias", "all")))));
    m.put("delete_active", () -> several(set -> { // PEFT: another adapter becomes active
      setRefuses("'default' is the only active adapter", () -> set.delete("default"));
      assertEquals(List.of("b"), set.activate("b").delete("default").names());
    }));
    m.put("disable_adapter_while_merged", () -> several(set -> { // PEFT: unmerges for good
      set.merging().close();
      assertEquals(List.of("default"), set.disable().enable().active());
    }));
    return m;
  }

  private static void several(java.util.function.Consumer<AdapterSet> check) {
    try (AdapterSet set = new AdapterSet(MLP)) {
      add(set, "default", create());
      add(set, "b", create());
      check.accept(set);
    }
  }

  private static void add(AdapterSet set, String name, Adapter adapter) {
    try (AdapterValues values = new AdapterValues(adapter.parameters()).initialise(1)) {
      set.add(name, adapter, values);
    }
  }

  private static void setRefuses(String part, org.junit.jupiter.api.function.Executable call) {
    String message = assertThrows(ConfigException.class, call).getMessage();
    assertTrue(message.contains(part), message);
  }

  private static Adapter adalora(Object... settings) {
    Map<String, Object> all = new LinkedHashMap<>(Map.of("target_modules", List.of("fc1", "fc2"), "init_r", 4, "target_r", 2));
    for (int i = 0; i < settings.length; i += 2) {
      all.put((String) settings[i], settings[i + 1]);
    }
    return AdapterMethod.named("adalora").create(all, MLP);
  }

  /** In its form as plain LoRA: what comes out is weight · scaling · B·diag(E)·A. */
  private void combinesAdaLora() {
    Adapter adapter = AdapterMethod.named("adalora").create(Map.of("target_modules", List.of("fc1"), "init_r", 4, "target_r", 2, "lora_alpha", 12),
        MLP);
    try (AdapterValues values = new AdapterValues(adapter.parameters()).initialise(5)) {
      float[][] parts = new float[3][];
      for (var parameter : adapter.parameters()) {
        MemorySegment value = values.get(parameter.slot());
        for (long i = 0; i < value.byteSize() / 4; i++) {
          value.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.sin(i + parameter.slot().length()));
        }
        parts["ABE".indexOf(parameter.slot().charAt(parameter.slot().indexOf("lora_") + 5))] = value.toArray(ValueLayout.JAVA_FLOAT);
      }
      AdapterCombination cat = AdapterCombination.of(CombinationType.CAT);
      try (LoadedAdapter made = cat.combine(List.of(new AdapterCombination.Source(adapter, values, 0.5)))) {
        LoraAdapter.Site site = ((LoraAdapter) made.adapter()).sites().get("fc1");
        float[] a = made.values().get(site.a().slot()).toArray(ValueLayout.JAVA_FLOAT);
        float[] b = made.values().get(site.b().slot()).toArray(ValueLayout.JAVA_FLOAT);
        int rank = site.target().rank();
        for (int o = 0; o < 17; o++) {
          for (int i = 0; i < 11; i++) {
            double want = 0;
            for (int k = 0; k < 4; k++) {
              want += 0.5 * 12 / 4 * parts[1][o * 4 + k] * parts[2][k] * parts[0][k * 11 + i];
            }
            double got = 0;
            for (int k = 0; k < rank; k++) {
              got += site.target().scaling() * b[o * rank + k] * a[k * 11 + i];
            }
            assertEquals(want, got, 1e-5, "element " + o + ", " + i);
          }
        }
      }
    }
  }

  private static void adaloraRefused(String part, Object... settings) {
    String message = assertThrows(ConfigException.class, () -> adalora(settings)).getMessage();
    assertTrue(message.contains(part), message);
  }

  private static void adaloraRefused(int steps, String part, Object... settings) {
    String message = assertThrows(ConfigException.class, () -> adalora(settings).hook(steps)).getMessage();
    assertTrue(message.contains(part), message);
  }

  private static LoraAdapter create(Object... settings) {
    Map<String, Object> all = new LinkedHashMap<>(Map.of("target_modules", List.of("fc1", "fc2"), "r", 4));
    for (int i = 0; i < settings.length; i += 2) {
      all.put((String) settings[i], settings[i + 1]);
    }
    return new LoraMethod().create(all, MLP);
  }

  private static void refused(String part, Object... settings) {
    String message = assertThrows(ConfigException.class, () -> {
      if (settings.length == 0) {
        new LoraMethod().create(Map.of(), MLP);
      } else {
        create(settings);
      }
    }).getMessage();
    assertTrue(message.contains(part), message);
  }

  private static AdapterValues values(LoraAdapter adapter) {
    return new AdapterValues(adapter.parameters()).initialise(1);
  }

  /** Adapters are F32 whatever the base is. */
  private static void mergesInto(DType type) {
    LoraAdapter adapter = create("init_lora_weights", false);
    try (AdapterValues values = values(adapter)) {
      assertEquals(4 * 11 * Float.BYTES, values.get("fc1.lora_A.weight").byteSize());
      MemorySegment weight = MemorySegment.ofArray(new byte[17 * 11 * type.bytes()]);
      LoraMerge.merge(adapter.sites().get("fc1"), values, type, weight);
      assertTrue(weight.mismatch(MemorySegment.ofArray(new byte[17 * 11 * type.bytes()])) >= 0);
    }
  }

  /** PEFT warns that merging will not be possible; b has nowhere to go. */
  private void biasFree() {
    ModelDescription free = ModelDescription.of("mlp", List.of(ModuleInfo.linear("fc1", 11, 17, false)));
    LoraAdapter adapter = new LoraMethod().create(Map.of("target_modules", List.of("fc1"), "lora_bias", true), free);
    try (AdapterValues values = values(adapter); Checkpoint checkpoint = Checkpoint.open(base(free))) {
      String message = assertThrows(ConfigException.class,
          () -> LoraMerge.write(checkpoint, UnaryOperator.identity(), free, adapter, values,
              temp.resolve("merged.safetensors"))).getMessage();
      assertTrue(message.contains("biases that the base model does not have: fc1.bias"), message);
    }
    assertFalse(Files.exists(temp.resolve("merged.safetensors")));
  }

  /** Merging reads its base and writes another file, so that a second time gives the same, not twice the change. */
  private void mergedTwice() throws IOException {
    LoraAdapter adapter = create("init_lora_weights", false);
    Path base = base(MLP);
    byte[] before = Files.readAllBytes(base);
    try (AdapterValues values = values(adapter)) {
      for (String name : List.of("once.safetensors", "twice.safetensors")) {
        try (Checkpoint checkpoint = Checkpoint.open(base)) {
          LoraMerge.write(checkpoint, UnaryOperator.identity(), MLP, adapter, values, temp.resolve(name));
        }
      }
    }
    assertArrayEquals(before, Files.readAllBytes(base));
    byte[] once = Files.readAllBytes(temp.resolve("once.safetensors"));
    assertArrayEquals(once, Files.readAllBytes(temp.resolve("twice.safetensors")));
    assertFalse(java.util.Arrays.equals(once, before));
  }

  private Path base(ModelDescription model) {
    Path base = temp.resolve("base.safetensors");
    SafetensorsWriter writer = new SafetensorsWriter();
    model.modules().forEach(m -> ModelDescription.parameters(m).forEach((name, shape) ->
        writer.add(new TensorInfo(name, DType.F32, shape), data -> data.fill((byte) 0))));
    writer.write(base);
    return base;
  }

  private void brokenMerge() {
    LoraAdapter adapter = create();
    Path base = base(MLP);
    Path merged = temp.resolve("merged.safetensors");
    try (AdapterValues values = values(adapter); Checkpoint checkpoint = Checkpoint.open(base)) {
      values.get("fc2.lora_B.weight").setAtIndex(ValueLayout.JAVA_FLOAT, 0, Float.NaN);
      String message = assertThrows(FormatException.class,
          () -> LoraMerge.write(checkpoint, UnaryOperator.identity(), MLP, adapter, values, merged)).getMessage();
      assertTrue(message.contains("fc2.weight"), message);
    }
    assertFalse(Files.exists(merged));
  }

  private void notLoaded(String part, Class<? extends RuntimeException> error, Map<String, Object> config, UnaryOperator<Map<String,
      List<Long>>> tensors)
      throws IOException {
    Path directory = saved("bad" + part.hashCode(), config, tensors);
    String message = assertThrows(error, () -> PeftFormat.load(directory, MLP)).getMessage();
    assertTrue(message.contains(part), message);
  }

  private static UnaryOperator<Map<String, List<Long>>> put(String key, long rows, long cols) {
    return shapes -> {
      shapes.put(key, List.of(rows, cols));
      return shapes;
    };
  }

  /** A saved adapter with changed config and tensors. */
  private Path saved(String name, Map<String, Object> config, UnaryOperator<Map<String, List<Long>>> tensors) throws IOException {
    Path directory = temp.resolve(name);
    LoraAdapter adapter = create();
    try (AdapterValues values = values(adapter)) {
      PeftFormat.save(directory, adapter, values);
    }
    Map<String, Object> changed = new LinkedHashMap<>(PeftFormat.config(directory));
    changed.putAll(config);
    Files.writeString(directory.resolve(PeftFormat.CONFIG), new com.fasterxml.jackson.databind.ObjectMapper().writeValueAsString(changed));
    write(directory, DType.F32, tensors.apply(shapes(directory)));
    return directory;
  }

  private static Map<String, List<Long>> shapes(Path directory) {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    try (Checkpoint file = Checkpoint.open(directory.resolve(PeftFormat.WEIGHTS))) {
      file.names().forEach(n -> shapes.put(n, file.info(n).shape()));
    }
    return shapes;
  }

  private static void write(Path directory, DType type, Map<String, List<Long>> shapes) {
    SafetensorsWriter writer = new SafetensorsWriter();
    shapes.forEach((name, shape) -> writer.add(new TensorInfo(name, type, shape), data -> data.fill((byte) 0)));
    writer.write(directory.resolve(PeftFormat.WEIGHTS));
  }
}
