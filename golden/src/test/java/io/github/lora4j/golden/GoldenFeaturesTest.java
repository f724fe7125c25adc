package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.StoredCopy;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.PackedBatch;
import io.github.lora4j.models.WeightStorage;
import io.github.lora4j.testkit.TestedBackends;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.export.MergedModel;
import io.github.lora4j.train.recorded.CausalLm;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.Targets;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.WeightFormat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * What PEFT's LoRA reaches beside modules: trainable tokens, bare parameters, replicated layers, weights that are tied, whole modules,
 * biases. Logits, loss, every gradient, the saved directory, the merged model. Where PEFT's merged numbers are wrong because weights are
 * shared, the merge must be refused, and untied it must give what the adapter gave.
 */
public final class GoldenFeaturesTest {

  @TestFactory
  Stream<DynamicTest> agree() throws Exception {
    return TestedBackends.each(GoldenFeaturesTest::cases);
  }

  private static Stream<DynamicTest> cases(TestedBackends on) {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories("features")) {
      if (!Files.isDirectory(dir.resolve("adapter"))) {
        continue; // several adapters: GoldenAdapterSetTest
      }
      checks.put(GoldenCases.name(dir) + ": on " + on, () -> {
        JsonNode expected = GoldenCases.json(dir.resolveSibling(dir.getFileName() + ".json"));
        if (!expected.has("config")) {
          throw GoldenCases.notYet("the case does not say the adapter's config");
        }
        try (Backend backend = on.open(); Case c = GoldenCases.supported(() -> new Case(dir, expected, backend))) {
          c.check();
        }
      });
    }
    return GoldenCases.tests("features", checks);
  }

  /** One recorded model. */
  private static final class Case implements AutoCloseable {
    private final Path dir;
    private final JsonNode expected;
    private final Backend backend;
    private final Checkpoint tensors;
    private final LoraConfig config;
    private final CausalLm task;
    private final ModelDescription description;
    private final int rows;
    private final int length;

    Case(Path dir, JsonNode expected, Backend backend) {
      this.dir = dir;
      this.expected = expected;
      this.backend = backend;
      tensors = Checkpoint.open(dir.resolve("expected.safetensors"));
      rows = tensors.info("input_ids").shape().get(0).intValue();
      length = tensors.info("input_ids").shape().get(1).intValue();
      config = LoraConfig.ofPeft(GoldenCases.map(expected.path("config")));
      task = new CausalLm(ModelDirectory.open(dir).architecture().replicated(config.reach().layerReplication()));
      description = task.description();
    }

    void check() throws Exception {
      close("base.logits", predict(dir, new CausalLm(ModelDirectory.open(dir).architecture()), Adapter.BASE, Optional.empty()));
      created();
      fresh("lora", Map.of());
      fresh("lora+", Map.of("loraplus_lr_ratio", 16));
      if (config.reach().targetParameters().isEmpty() && !config.reach().ensureWeightTying()) {
        fresh("lora", Map.of("use_dora", true));
      }
      try (LoadedAdapter loaded = PeftFormat.load(dir.resolve("adapter"), description)) {
        trained(loaded);
        saved(loaded);
      }
      merged();
    }

    /** The recipe's way to the adapter trains what PEFT's get_peft_model did. */
    private void created() {
      LoraAdapter adapter = new LoraMethod().create(config, description);
      TreeSet<String> ours = adapter.parameters().stream().map(AdapterParameter::slot).collect(Collectors.toCollection(TreeSet::new));
      adapter.storedCopies().stream().filter(copy -> ours.contains(copy.of()) && copy.transposed()).forEach(copy ->
          ours.add(copy.key().substring(AdapterParameter.PREFIX.length())));
      TreeSet<String> theirs = new TreeSet<>();
      expected.path("trainable").forEach(name -> theirs.add(GoldenCases.slot(name.textValue())));
      assertEquals(theirs, ours);
    }

    /** An adapter that has not learnt anything leaves the base model as it is; after a step it is merged to what it says unmerged. */
    private void fresh(String method, Map<String, Object> more) throws Exception {
      Map<String, Object> settings = new LinkedHashMap<>(GoldenCases.map(expected.path("config")));
      settings.keySet().removeAll(List.of("peft_type", "peft_version", "inference_mode", "auto_mapping"));
      settings.putAll(more);
      Adapter adapter = AdapterMethod.named(method).create(settings, description);
      List<Double> decay = Collections.nCopies(adapter.groups().size(), 0.0);
      OptimizerSpec spec = new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, decay, 0);
      Path output = Files.createTempDirectory("fresh");
      try (Checkpoint base = Checkpoint.open(dir);
          Session session = Session.open(new Session.Setup(task, List.of(base), capacity(), WeightFormat.F32, 1).training(spec), adapter, backend)) {
        if (config.reach().layerReplication().isEmpty()) {
          close("base.logits", session.predict(data()));
        }
        float[][] before = session.predict(data());
        accumulate(session);
        float[] hyper = new float[adapter.groups().size() + 2];
        Arrays.fill(hyper, 0.1f);
        hyper[hyper.length - 1] = 0.001f;
        session.executable().write(session.task().program().slot(TaskProgram.HYPER).orElseThrow(), hyper, hyper.length);
        session.executable().run("apply");
        float[][] after = session.predict(data());
        assertFalse(Arrays.deepEquals(before, after), "a step changes something");
        try (AdapterValues values = session.adapterValues()) {
          PeftFormat.save(output.resolve("adapter"), adapter, values);
        }
        MergedModel.ofAdapter(dir, output.resolve("adapter"), true, output.resolve("merged"));
        Path model = output.resolve("merged");
        float[][] merged = predict(model, new CausalLm(ModelDirectory.open(model).architecture()), Adapter.BASE, Optional.empty());
        for (int row = 0; row < rows; row++) {
          Numbers.assertClose(after[row], merged[row], 1e-4 * Math.max(1, Numbers.max(after[row])),
              method + " merged after a step, row " + row);
        }
      } finally {
        Numbers.delete(output);
      }
    }

    private void trained(LoadedAdapter loaded) {
      OptimizerSpec spec = new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.0, 0.0), 0);
      try (Checkpoint base = Checkpoint.open(dir);
          Session session = Session.open(new Session.Setup(task, List.of(base), capacity(), WeightFormat.F32, 1).from(loaded.values()).training(spec),
              loaded.adapter(), backend)) {
        close("lora.logits", session.predict(data()));
        accumulate(session);
        double count = value(session, "count");
        assertEquals(expected.path("loss").asDouble(), value(session, "lossSum") / count, 1e-5);
        Map<String, float[]> wanted = gradients(loaded.adapter());
        List<ParameterLayout.Range> ranges = session.task().program().parameters().ranges();
        assertEquals(wanted.keySet(), ranges.stream().map(r -> r.value().name()).collect(Collectors.toSet()));
        double largest = wanted.values().stream().mapToDouble(Numbers::max).max().orElseThrow();
        for (ParameterLayout.Range range : ranges) {
          float[] want = wanted.get(range.value().name());
          float[] got = session.executable().floats(range.gradient());
          for (int i = 0; i < got.length; i++) {
            got[i] /= (float) count;
          }
          String name = range.value().name();
          AdapterParameter of = loaded.adapter().parameters().stream().filter(p -> p.slot().equals(name)).findFirst().orElseThrow();
          Numbers.assertClose(want, stored(of, got), 1e-4 * Math.max(Numbers.max(want), 1e-3 * largest), "gradient of " + name);
        }
      }
    }

    /** Recorded gradients by our parameters: PEFT's tied adapters have two gradients for the same numbers, which add up to ours. */
    private Map<String, float[]> gradients(Adapter adapter) {
      Map<String, float[]> wanted = new HashMap<>();
      for (String name : tensors.names()) {
        if (name.startsWith("grad.")) {
          wanted.put(GoldenCases.slot(name.substring(5)), Numbers.floats(tensors, name));
        }
      }
      for (StoredCopy copy : adapter.storedCopies()) {
        float[] more = wanted.remove(copy.key().substring(AdapterParameter.PREFIX.length()));
        if (more != null) {
          float[] sum = wanted.get(copy.of());
          int columns = copy.shape().getLast().intValue();
          int height = copy.shape().getFirst().intValue();
          for (int i = 0; i < more.length; i++) {
            sum[i % columns * height + i / columns] += more[i];
          }
        }
      }
      return wanted;
    }

    private static float[] stored(AdapterParameter of, float[] program) {
      float[] values = new float[program.length];
      of.fromProgram(java.lang.foreign.MemorySegment.ofArray(program), java.lang.foreign.MemorySegment.ofArray(values));
      return values;
    }

    private static double value(Session session, String slot) {
      return session.executable().floats(session.task().program().slot(slot).orElseThrow())[0];
    }

    private void accumulate(Session session) {
      PackedBatch batch = new PackedBatch(session.task().in());
      Targets targets = task.targets(session.task().in(), session.task().program());
      TokenizedData data = data();
      for (int i = 0; i < rows; i++) {
        batch.add(data.sequences().get(i).ids(), data.sequences().get(i).types(), i);
        targets.add(data.examples().get(i).target());
      }
      batch.write(session.executable(), 0, 0);
      targets.write(session.executable());
      session.prepare();
      session.executable().run("accumulate");
    }

    /** Written as PEFT wrote it, but for copies of the base model's frozen weights, and read again. */
    private void saved(LoadedAdapter loaded) throws Exception {
      Path output = Files.createTempDirectory("saved");
      try {
        PeftFormat.save(output.resolve("adapter"), loaded.adapter(), loaded.values());
        Map<String, GoldenCases.Tensor> theirs = new TreeMap<>(GoldenCases.tensors(dir.resolve("adapter").resolve(PeftFormat.WEIGHTS)));
        TreeSet<String> recorded = new TreeSet<>();
        expected.path("saved").fieldNames().forEachRemaining(recorded::add);
        assertEquals(recorded, theirs.keySet());
        TreeSet<String> frozen = loaded.adapter().storedCopies().stream().filter(copy -> copy.trained(loaded.adapter()).isEmpty())
            .map(StoredCopy::key).collect(Collectors.toCollection(TreeSet::new));
        theirs.keySet().removeAll(frozen);
        Map<String, GoldenCases.Tensor> ours = new TreeMap<>(GoldenCases.tensors(output.resolve("adapter").resolve(PeftFormat.WEIGHTS)));
        assertEquals(theirs.keySet(), ours.keySet());
        ours.forEach((key, tensor) -> {
          assertEquals(theirs.get(key).shape(), tensor.shape(), key);
          assertTrue(Arrays.equals(theirs.get(key).values(), tensor.values()), key);
        });
        assertEquals(config(dir.resolve("adapter")), config(output.resolve("adapter")));
        PeftFormat.load(output.resolve("adapter"), description).close();
      } finally {
        Numbers.delete(output);
      }
    }

    private static Map<String, Object> config(Path adapter) {
      Map<String, Object> config = new TreeMap<>(PeftFormat.config(adapter));
      config.remove("peft_version");
      config.computeIfPresent("base_model_name_or_path", (key, name) -> name.equals("") ? null : name);
      config.replaceAll((key, value) -> value instanceof List<?> list && key.endsWith("modules") ? new TreeSet<>(list) : value);
      config.values().removeIf(java.util.Objects::isNull);
      return config;
    }

    /** Shared weights that the adapter changes apart cannot be merged into one tensor; everything else can, and untied all can. */
    private void merged() throws Exception {
      boolean tied = !new CausalLm(ModelDirectory.open(dir).architecture()).tied().isEmpty();
      boolean oneEnd = tied && !config.reach().ensureWeightTying() && Stream.of("lm_head", "embed_tokens").anyMatch(end ->
          config.modulesToSave().contains(end) || config.targetModules().toString().contains(end));
      boolean apart = oneEnd || !config.reach().layerReplication().isEmpty();
      Path output = Files.createTempDirectory("merged");
      try {
        Path plain = output.resolve("plain");
        if (apart) {
          String message = assertThrows(ConfigException.class,
              () -> MergedModel.ofAdapter(dir, dir.resolve("adapter"), false, plain)).getMessage();
          assertTrue(message.contains("untie"), message);
          assertFalse(Files.exists(plain));
        } else {
          MergedModel.ofAdapter(dir, dir.resolve("adapter"), false, plain);
          same(plain, tied);
        }
        Path untied = output.resolve("untied");
        MergedModel.ofAdapter(dir, dir.resolve("adapter"), true, untied);
        same(untied, false);
      } finally {
        Numbers.delete(output);
      }
    }

    private void same(Path model, boolean tied) {
      CausalLm merged = new CausalLm(ModelDirectory.open(model).architecture());
      assertEquals(tied, !merged.tied().isEmpty());
      assertEquals(task.modules(), merged.modules());
      try (Checkpoint written = Checkpoint.open(model)) {
        assertEquals(!tied, written.names().contains("lm_head.weight"));
      }
      float[][] logits = predict(model, merged, Adapter.BASE, Optional.empty());
      close("lora.logits", logits);
      if (expected.path("max_abs_diff_merged").asDouble() < 1e-4) {
        close("merged.logits", logits);
      }
    }

    private TaskProgram.Capacity capacity() {
      return new TaskProgram.Capacity(rows * length + 3, rows + 1, length);
    }

    private float[][] predict(Path model, RecordedTask of, Adapter adapter, Optional<AdapterValues> values) {
      try (Checkpoint base = Checkpoint.open(model);
          Session session = Session.open(new Session.Setup(of, List.of(base), capacity(), WeightStorage.F32, 1, values, Optional.empty()),
              adapter, backend)) {
        return session.predict(data());
      }
    }

    private TokenizedData data() {
      float[] ids = Numbers.floats(tensors, "input_ids");
      float[] mask = Numbers.floats(tensors, "attention_mask");
      float[] labels = Numbers.floats(tensors, "labels");
      List<int[]> rowIds = new ArrayList<>();
      List<int[]> types = new ArrayList<>();
      List<Target> targets = new ArrayList<>();
      for (int row = 0; row < rows; row++) {
        int live = 0;
        for (int t = 0; t < length; t++) {
          live += (int) mask[row * length + t];
        }
        assertEquals(live == length ? 1 : 0, (int) mask[row * length + length - 1], "padding is on the right");
        int[] tokens = new int[live];
        for (int t = 0; t < live; t++) {
          tokens[t] = (int) ids[row * length + t];
        }
        rowIds.add(tokens);
        types.add(new int[live]);
        int from = row * length;
        targets.add(Target.TokenLabels.of(IntStream.range(from, from + live).map(i -> (int) labels[i]).toArray()));
      }
      return TokenizedData.of(rowIds, types, targets);
    }

    /** The distributions behind each sequence's last token. */
    private void close(String name, float[][] got) {
      float[] all = Numbers.floats(tensors, name);
      int width = tensors.info(name).shape().get(2).intValue();
      TokenizedData data = data();
      for (int row = 0; row < rows; row++) {
        int at = (row * length + data.tokens(row) - 1) * width;
        Numbers.assertClose(Arrays.copyOfRange(all, at, at + width), got[row], 1e-4 * Math.max(1e-2, Numbers.max(all)),
            name + " of row " + row);
      }
    }

    @Override
    public void close() {
      tensors.close();
    }
  }
}
