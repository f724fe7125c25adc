package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.golden.GoldenCases.Tensor;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.SiteHooks;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.WeightChange;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recorded.CausalLm;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Several adapters on one model as PEFT computed them: one, stacked, off, row by row, merged, hot-swapped; always one compiled program. */
class GoldenAdapterSetTest {

  @TestFactory
  Stream<DynamicTest> threeAdapters() {
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    for (Map.Entry<Path, JsonNode> read : GoldenCases.read("multi_adapter", cases).entrySet()) {
      Path file = read.getKey();
      JsonNode c = read.getValue();
      if (c.has("mixed_batch_adapter_names")) {
        cases.put(GoldenCases.name(file), () -> {
          try (Mlp mlp = new Mlp(file, c)) {
            mlp.check();
          }
        });
      }
    }
    return GoldenCases.tests("multi_adapter", cases);
  }

  @TestFactory
  Stream<DynamicTest> hotSwap() {
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories("features")) {
      if (!Files.isDirectory(dir.resolve("adapter"))) {
        cases.put(GoldenCases.name(dir), () -> {
          JsonNode swapped = GoldenCases.json(dir.resolveSibling(dir.getFileName() + ".json")).path("result");
          try (Checkpoint expected = Checkpoint.open(dir.resolve("expected.safetensors"))) {
            hotSwap(dir, expected, expected.names().stream()
                .filter(name -> name.startsWith("logits.") && !swapped.has(name.substring(7))).findFirst()
                .orElseThrow(() -> GoldenCases.notYet("neither an adapter nor several that are swapped")).substring("logits.".length()));
          }
        });
      }
    }
    return GoldenCases.tests("features", cases);
  }

  private static void hotSwap(Path dir, Checkpoint expected, String first) throws Exception {
    CausalLm task = new CausalLm(ModelDirectory.open(dir).architecture());
    ModelDescription model = task.description();
    try (Checkpoint base = Checkpoint.open(dir);
        CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(2)); AdapterSet set = new AdapterSet(model)) {
      List<Long> shape = expected.info("input_ids").shape();
      TokenizedData prefixes = prefixes(Numbers.floats(expected, "input_ids"), shape.get(1).intValue());
      set.load("default", dir.resolve(first));
      TaskProgram.Capacity capacity = new TaskProgram.Capacity(64, 16, shape.get(1).intValue());
      try (Session session = Session.open(new Session.Setup(task, List.of(base), capacity, WeightFormat.F32, 1), set.recording(), backend)) {
        close(expected, "logits." + first, session.predict(prefixes));
        for (Path other : list(dir)) {
          String name = GoldenCases.name(other);
          if (expected.names().contains("hotswapped." + name)) {
            set.swap("default", other);
            close(expected, "hotswapped." + name, session.predict(prefixes));
          } else if (!name.equals(first)) {
            float[][] before = session.predict(prefixes);
            String message = assertThrows(ConfigException.class, () -> set.swap("default", other)).getMessage();
            assertTrue(message.contains("modules that the recorded program does not"), message);
            assertArrayEquals(before, session.predict(prefixes), "a refused adapter changes nothing");
          }
        }
      }
    }
  }

  private static List<Path> list(Path dir) throws java.io.IOException {
    try (Stream<Path> files = Files.list(dir)) {
      return files.filter(Files::isDirectory).sorted().toList();
    }
  }

  /** A causal model gives the logits behind the last token, so every prefix is a sequence. */
  private static TokenizedData prefixes(float[] ids, int length) {
    List<int[]> sequences = new ArrayList<>();
    for (int at = 0; at < ids.length; at += length) {
      for (int n = 1; n <= length; n++) {
        int[] prefix = new int[n];
        for (int i = 0; i < n; i++) {
          prefix[i] = (int) ids[at + i];
        }
        sequences.add(prefix);
      }
    }
    return TokenizedData.of(sequences, sequences.stream().map(s -> new int[s.length]).toList(), Collections.nCopies(sequences.size(), Target.NONE));
  }

  private static void close(Checkpoint expected, String name, float[][] got) {
    float[] want = Numbers.floats(expected, name);
    float[] flat = new float[want.length];
    int at = 0;
    for (float[] row : got) {
      System.arraycopy(row, 0, flat, at, row.length);
      at += row.length;
    }
    assertEquals(want.length, at);
    Numbers.assertClose(want, flat, 1e-4 * Numbers.max(want), name);
  }

  /** Embedding, linear, tanh, linear: the recorded model, compiled once with the set. */
  private static final class Mlp implements AutoCloseable {
    private final Map<String, Tensor> t;
    private final JsonNode c;
    private final int sequences;
    private final int length;
    private final int[] ids;
    private final Perceptron perceptron;
    private final ModelDescription model;
    private final AdapterSet set;
    private final CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(1));
    private final List<Executable> opened = new ArrayList<>();

    Mlp(Path file, JsonNode c) {
      this.c = c;
      Path tensors = file.resolveSibling(GoldenCases.name(file) + ".safetensors");
      t = GoldenCases.tensors(tensors);
      try (Checkpoint checkpoint = Checkpoint.open(tensors)) {
        sequences = checkpoint.info("x").shape().get(0).intValue();
        length = checkpoint.info("x").shape().get(1).intValue();
        float[] x = Numbers.floats(checkpoint, "x");
        ids = new int[x.length];
        for (int i = 0; i < ids.length; i++) {
          ids[i] = (int) x[i];
        }
      }
      Map<String, Tensor> base = new LinkedHashMap<>();
      t.forEach((name, tensor) -> {
        if (name.startsWith("base.")) {
          base.put(name.substring("base.".length()), tensor);
        }
      });
      perceptron = Perceptron.of(base, 0);
      model = ModelDescription.of("mlp", perceptron.modules());
      set = new AdapterSet(model);
      List<String> names = RecordedAdapters.names(c, t.keySet());
      for (int i = 0; i < c.path("ranks").size(); i++) {
        add(names.get(i), c.path("ranks").get(i).asInt(), c.path("alphas").get(i).asDouble());
      }
    }

    private void add(String name, int rank, double alpha) {
      List<String> targets = new ArrayList<>();
      c.path("target_modules").forEach(target -> targets.add(target.textValue()));
      LoraConfig config = LoraConfig.builder().r(rank).loraAlpha(alpha).targetModules(targets.toArray(String[]::new)).build();
      LoraAdapter adapter = new LoraMethod().create(config, model);
      try (AdapterValues values = new AdapterValues(adapter.parameters())) {
        RecordedAdapters.copy(t, name, adapter, values);
        set.add(name, adapter, values);
      }
    }

    private record Model(Executable executable, Value y, Value ids, Optional<Value> choices) { }

    private Model compile(SiteHooks hooks, Map<String, float[]> weights) {
      ProgramBuilder builder = new ProgramBuilder();
      RowAxis tokens = builder.axis("tokens", ids.length);
      Graph graph = builder.entry("predict");
      Sites sites = new Sites(graph, hooks);
      Value in = builder.table("ids", Shape.of(tokens, 1));
      Value hidden = in;
      for (ModuleInfo module : perceptron.modules()) {
        hidden = switch (module.kind()) {
          case EMBEDDING -> sites.embedding(module.name(), hidden, module.in(), module.out());
          default -> sites.linear(module.name(), hidden, module.out(), module.bias());
        };
        if (module.kind() == ModuleInfo.Kind.LINEAR && module != perceptron.modules().getLast()) {
          hidden = graph.activate(Activation.TANH, hidden);
        }
      }
      Value y = graph.output("y", hidden);
      Executable executable = backend.compile(builder.build(), CompileOptions.DEFAULT);
      opened.add(executable);
      weights.forEach((name, values) -> executable.write(executable.program().slot(name).orElseThrow(), values, values.length));
      executable.rows(tokens, ids.length);
      return new Model(executable, y, in, executable.program().slot("choices.tokens"));
    }

    private Map<String, float[]> base() {
      Map<String, float[]> weights = new LinkedHashMap<>();
      t.forEach((name, tensor) -> {
        if (name.startsWith("base.")) {
          weights.put(name.substring(5), tensor.values().clone());
        }
      });
      return weights;
    }

    private float[] run(Model m, int[] choices) {
      m.executable.write(m.ids, ids, ids.length);
      m.choices.ifPresent(slot -> {
        int[] rows = new int[ids.length];
        for (int i = 0; i < rows.length; i++) {
          rows[i] = choices[i / length];
        }
        m.executable.write(slot, rows, rows.length);
      });
      m.executable.run("predict");
      return m.executable.floats(m.y);
    }

    private void same(String name, float[] got) {
      float[] want = t.get(name).values();
      Numbers.assertClose(want, got, 1e-5 * Numbers.max(want), name);
    }

    void check() {
      Adapter recording = set.recording();
      Model with = compile(recording, base());
      Model without = compile(SiteHooks.NONE, base());
      int[] all = new int[sequences];
      long written = 0;
      int compared = 0;
      List<String> names = new ArrayList<>();
      c.path("mixed_batch_adapter_names").forEach(name -> names.add(name.textValue()));
      Set<String> combos = new HashSet<>();
      c.path("combos").forEach(combo -> combos.add(combo.path("name").asText()));
      float[] plain = run(without, all);
      for (String name : t.keySet()) {
        if (!name.startsWith("y.") || combos.contains(name.substring(2))) {
          continue; // weighted combinations are another test's
        }
        String what = name.substring(2);
        if (what.matches("merged_.*_only")) {
          merged(name, what.substring("merged_".length(), what.length() - "_only".length()));
          compared++;
          continue;
        }
        set.enable();
        boolean mixed = what.equals("mixed");
        if (what.equals("disabled")) {
          set.disable();
        } else if (!mixed) {
          set.activate(what.split("\\+"));
        }
        written = recording.refresh(with.executable, written);
        float[] got = run(with, mixed ? set.choices(names) : all);
        same(name, got);
        if (what.equals("disabled")) {
          assertArrayEquals(plain, got, "bit for bit the base model");
        } else if (mixed) {
          rowsOfTheirOwn(with, names, got, plain);
        }
        compared++;
      }
      assertTrue(compared > 0, "no recorded outputs");
    }

    /** Each sequence of a mixed batch is, bit for bit, what its adapter alone gives. */
    private void rowsOfTheirOwn(Model with, List<String> names, float[] mixed, float[] plain) {
      int width = mixed.length / sequences;
      for (int s = 0; s < sequences; s++) {
        int[] alone = new int[sequences];
        Arrays.fill(alone, set.choices(names.subList(s, s + 1))[0]);
        float[] own = names.get(s).equals(AdapterSet.BASE) ? plain : run(with, alone);
        assertArrayEquals(Arrays.copyOfRange(own, s * width, (s + 1) * width), Arrays.copyOfRange(mixed, s * width, (s + 1) * width),
            names.get(s));
      }
    }

    /** One adapter put into the weights, as recorded; then out of reach of the others. */
    private void merged(String name, String adapter) {
      Map<String, float[]> weights = base();
      set.enable().activate(adapter);
      try (LoadedAdapter merging = set.merging()) {
        Map<String, WeightChange> changes = merging.adapter().weightChanges(merging.values());
        changes.forEach((weight, change) -> change.apply(DType.F32, MemorySegment.ofArray(weights.get(weight))));
      }
      t.keySet().stream().filter(key -> key.matches("W\\..*\\.merged_" + adapter)).forEach(key ->
          Numbers.assertClose(t.get(key).values(), weights.get(key.substring(2, key.lastIndexOf('.')) + ".weight"),
              1e-6 * Numbers.max(t.get(key).values()), key));
      same(name, run(compile(SiteHooks.NONE, weights), new int[sequences]));
    }

    @Override
    public void close() {
      opened.forEach(Executable::close);
      set.close();
      backend.close();
    }
  }
}
