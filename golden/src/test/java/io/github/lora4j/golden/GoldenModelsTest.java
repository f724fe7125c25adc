package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterValues;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.LoraMerge;
import io.github.lora4j.lora.ModelDescription;
import io.github.lora4j.lora.PeftFormat;
import io.github.lora4j.lora.StepHook;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.PackedBatch;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.models.Weights;
import io.github.lora4j.testkit.TestedBackends;
import io.github.lora4j.train.Session;
import io.github.lora4j.train.TaskProgram;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.SequenceClassifier;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Whole models with LoRA, DoRA and AdaLoRA as PEFT and transformers computed them: logits, losses, gradients, steps, merged weights. */
public final class GoldenModelsTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  /** Gradients below this part of the largest are rounding. */
  private static final double NOISE = 1e-6;
  private static final List<String> FAMILIES = List.of("bert", "roberta", "gpt2", "llama", "qwen2");

  @TestFactory
  Stream<DynamicTest> agree() {
    return TestedBackends.each(GoldenModelsTest::cases);
  }

  private static Stream<DynamicTest> cases(TestedBackends on) {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories("models")) {
      checks.put(GoldenCases.name(dir), () -> {
        JsonNode expected = GoldenCases.json(dir.resolve("expected.json"));
        JsonNode peft = expected.path("peft_config");
        if (!FAMILIES.contains(ModelDirectory.open(dir).modelType()) || GoldenModel.Kind.of(expected.path("model_class").asText()).isEmpty()) {
          throw GoldenCases.notYet("family " + expected.path("model_class").asText());
        }
        if (!List.of("LORA", "ADALORA").contains(peft.path("peft_type").asText())) {
          throw GoldenCases.notYet("method " + peft.path("peft_type").asText());
        }
        try (Backend backend = on.open()) {
          new Case(new GoldenModel(dir, expected), backend).check();
        }
      });
    }
    return GoldenCases.tests("models on " + on, checks);
  }

  /** One recorded model. */
  private static final class Case {
    private final GoldenModel model;
    private final Backend backend;
    private final Path dir;
    private final JsonNode expected;
    private final Checkpoint tensors;
    private final RecordedTask task;
    private final ModelDescription description;
    private final int rows;
    private final int length;

    Case(GoldenModel model, Backend backend) {
      this.model = model;
      this.backend = backend;
      dir = model.dir;
      expected = model.expected;
      tensors = model.tensors;
      task = model.task;
      description = model.description;
      rows = model.rows;
      length = model.length;
    }

    void check() {
      baseModel();
      if (task instanceof SequenceClassifier classifier && task.model().architecture().rowsOf(task.model().head()) == Rows.FIRST) {
        allRows(classifier);
      }
      try (LoadedAdapter loaded = PeftFormat.load(dir.resolve("adapter"), description)) {
        training(loaded);
      }
      try (LoadedAdapter trained = PeftFormat.load(dir.resolve("adapter_trained"), description);
          Session session = open(trained, Optional.empty())) {
        model.close("trained", session.predict(model.data(0)));
      }
    }

    private Session open(LoadedAdapter loaded, Optional<OptimizerSpec> optimizer) {
      try (Checkpoint base = Checkpoint.open(dir)) {
        return Session.open(task, List.of(base), loaded.adapter(), Optional.of(loaded.values()),
            new TaskProgram.Capacity(rows * length + 3, rows + 1, length), optimizer, backend, DType.F32, 1);
      }
    }

    private void baseModel() {
      try (Checkpoint base = Checkpoint.open(dir); Session session = Session.open(task, List.of(base), Adapter.BASE, Optional.empty(),
          new TaskProgram.Capacity(rows * length, rows, length), Optional.empty(), backend, DType.F32, 1)) {
        model.close("base", session.predict(model.data(0)));
      }
    }

    /** Without row pruning: every last hidden state as recorded, and the pruned rows equal them. */
    private void allRows(SequenceClassifier task) {
      ProgramBuilder builder = new ProgramBuilder();
      PackedInputs in = PackedInputs.declare(builder, rows * length, rows,
          new PackedInputs.Limits(length, task.model().architecture().firstPosition(), task.model().architecture().vocabSize()));
      Graph graph = builder.entry("all");
      Sites sites = new Sites(graph, Adapter.BASE, Optional.empty());
      Value all = graph.output("all", task.model().hidden(sites, in, Rows.ALL));
      Value first = graph.output("first", task.model().hidden(sites, in, Rows.FIRST));
      try (Executable executable = backend.compile(builder.build(), io.github.lora4j.graph.CompileOptions.DEFAULT);
          Checkpoint base = Checkpoint.open(dir)) {
        Weights weights = new Weights(List.of(base), task.model(), 1);
        TaskProgram.load(executable, List.of((parameter, as, target) -> {
          weights.read(parameter, as, target);
          return true;
        }));
        PackedBatch batch = new PackedBatch(in);
        TokenizedData data = model.data(0);
        for (int i = 0; i < rows; i++) {
          batch.add(data.sequences().get(i).ids(), data.sequences().get(i).types(), i);
        }
        batch.write(executable, 0, 0);
        executable.run("all");
        float[] hidden = executable.floats(all);
        float[] firstRows = executable.floats(first);
        float[] recorded = Numbers.floats(tensors, "base.hidden_states");
        int width = task.model().architecture().hiddenSize();
        long lastLayer = (long) task.model().architecture().config().size("num_hidden_layers") * rows * length * width;
        int at = 0;
        for (int row = 0; row < rows; row++) {
          for (int j = 0; j < width; j++) {
            assertEquals(hidden[at * width + j], firstRows[row * width + j], 1e-5, "first row " + row);
          }
          for (int t = 0; t < data.tokens(row); t++, at++) {
            for (int j = 0; j < width; j++) {
              assertEquals(recorded[(int) lastLayer + (row * length + t) * width + j], hidden[at * width + j], 2e-5,
                  "hidden state, row %d token %d".formatted(row, t));
            }
          }
        }
      }
    }

    private void training(LoadedAdapter loaded) {
      JsonNode o = expected.path("optimizer");
      int groups = loaded.adapter().groups().size();
      List<Double> decay = new ArrayList<>();
      for (int g = 0; g < groups; g++) {
        decay.add(o.path("weight_decay").asDouble());
      }
      OptimizerSpec spec = new OptimizerSpec(OptimizerSpec.Kind.ADAMW, o.path("betas").get(0).asDouble(), o.path("betas").get(1).asDouble(),
          o.path("eps").asDouble(), decay, o.path("clip").asDouble(0));
      try (Session session = open(loaded, Optional.of(spec))) {
        model.close("lora", session.predict(model.data(0)));
        Executable executable = session.executable();
        Optional<StepHook> hook = loaded.adapter().hook(expected.path("losses").size());
        Optional<Value> penalty = session.task().program().slot("orthogonality");
        double largest = 0;
        double[] drift = new double[1];
        for (int step = 0; step < expected.path("losses").size(); step++) {
          int at = step;
          session.prepare();
          model.accumulate(session, step % model.steps);
          if (step == 0 && hook.isEmpty()) {
            largest = gradients(session);
          }
          double lr = expected.path("lrs").path(step).asDouble(o.path("lr").asDouble());
          drift[0] += lr;
          float[] hyper = new float[groups + 2];
          java.util.Arrays.fill(hyper, 0, groups, (float) lr);
          hyper[groups] = (float) (1 - Math.pow(spec.beta1(), step + 1));
          hyper[groups + 1] = (float) (1 - Math.pow(spec.beta2(), step + 1));
          Value slot = session.task().program().slot(TaskProgram.HYPER).orElseThrow();
          executable.write(slot, hyper, hyper.length);
          executable.run("apply");
          if (step == 0 && hook.isPresent()) {
            largest = gradients(session); // with the orthogonality term, which is added once per step
          }
          hook.ifPresent(h -> {
            h.afterUpdate(executable, at + expected.path("first_step").asInt(1));
            executable.run(TaskProgram.CLEAR);
            ranks(h, at);
          });
          float[] report = executable.floats(session.task().program().slot(TaskProgram.REPORT).orElseThrow());
          double added = penalty.map(p -> (double) executable.floats(p)[0]).orElse(0.0);
          assertEquals(expected.path("losses").get(step).asDouble(), report[0] + added, 1e-4, "loss of step " + step);
          double norm = expected.path("grad_norms").get(step).asDouble();
          assertEquals(norm, report[1], 1e-3 * norm, "gradient norm of step " + step);
        }
        parameters(session, largest, drift[0]);
        model.close("trained", session.predict(model.data(0)));
        if (hook.isPresent()) {
          try (AdapterValues values = session.adapterValues(); LoadedAdapter finished = hook.get().finish(values)) {
            finished(finished);
            merged(finished.adapter(), finished.values());
          }
        } else {
          try (AdapterValues values = session.adapterValues()) {
            merged(loaded.adapter(), values);
          }
        }
      }
    }

    /** Compares every gradient of the first step; returns the largest recorded one. */
    private double gradients(Session session) {
      double count = session.executable().floats(session.task().program().slot("count").orElseThrow())[0];
      Map<String, float[]> recorded = model.bySlot("grad.");
      double largest = recorded.values().stream().mapToDouble(Numbers::max).max().orElseThrow();
      List<ParameterLayout.Range> ranges = session.task().program().parameters().ranges();
      assertEquals(recorded.keySet(), new java.util.LinkedHashSet<>(ranges.stream().map(r -> r.value().name()).toList()).stream()
          .collect(java.util.stream.Collectors.toSet()), "trainable parameters");
      for (ParameterLayout.Range range : ranges) {
        float[] want = recorded.get(range.value().name());
        float[] got = session.executable().floats(range.gradient());
        // A bias that softmax does not see has no gradient; what was recorded for it is rounding, and ours must be as small.
        double tolerance = noise(want, largest) ? NOISE * largest : 1e-4 * Math.max(Numbers.max(want), 1e-3 * largest);
        assertEquals(want.length, got.length, range.value().name());
        for (int i = 0; i < want.length; i++) {
          assertEquals(want[i], got[i] / count, tolerance, range.gradient().name() + "[" + i + "]");
        }
      }
      return largest;
    }

    private static boolean noise(float[] gradient, double largest) {
      return Numbers.max(gradient) < NOISE * largest;
    }

    private void parameters(Session session, double largestGradient, double drift) {
      Map<String, float[]> after = model.bySlot("after.");
      Map<String, float[]> gradients = model.bySlot("grad.");
      for (ParameterLayout.Range range : session.task().program().parameters().ranges()) {
        String name = range.value().name();
        float[] want = after.get(name);
        float[] got = session.executable().floats(range.value());
        boolean noise = noise(gradients.get(name), largestGradient);
        double tolerance = noise ? 2 * drift : 1e-4 * Numbers.max(want);
        for (int i = 0; i < want.length; i++) {
          assertEquals(want[i], got[i], tolerance, name + "[" + i + "] after training");
        }
        if (noise) {
          session.executable().write(range.value(), want, want.length); // Adam walks as far by rounding alone as by a gradient
        }
      }
    }

    /** Ranks as PEFT had them after a step; it numbers steps from {@code first_step}. */
    private void ranks(StepHook hook, int step) {
      JsonNode recorded = expected.path("rank_trace").path(step);
      if (recorded.isObject()) {
        Map<String, Integer> ranks = hook.hostState().entrySet().stream().collect(java.util.stream.Collectors.toMap(Map.Entry::getKey,
            entry -> (int) entry.getValue().chars().filter(bit -> bit == '1').count()));
        recorded.properties().forEach(entry -> assertEquals(entry.getValue().asInt(), ranks.get(entry.getKey().replace(".lora_E.default", "")),
            entry.getKey() + " after step " + (step + 1)));
      }
    }

    /** The trained adapter has PEFT's ranks, and as plain LoRA PEFT's values. */
    private void finished(LoadedAdapter ours) {
      assertEquals(JSON.valueToTree(GoldenCases.map(expected.path("peft_config")).get("rank_pattern")),
          JSON.valueToTree(ours.adapter().peftConfig().get("rank_pattern")));
      try (LoadedAdapter lora = ours.adapter().toLora(ours.values());
          LoadedAdapter theirs = PeftFormat.load(dir.resolve("adapter_trained_as_lora"), description)) {
        assertEquals(theirs.adapter().parameters().size(), lora.adapter().parameters().size());
        theirs.adapter().parameters().forEach(p -> {
          float[] want = theirs.values().get(p.slot()).toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT);
          float[] got = lora.values().get(p.slot()).toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT);
          Numbers.assertClose(want, got, 1e-3 * Numbers.max(want), p.slot());
        });
        for (String key : List.of("rank_pattern", "alpha_pattern")) {
          assertEquals(JSON.valueToTree(theirs.adapter().peftConfig().get(key)), JSON.valueToTree(lora.adapter().peftConfig().get(key)), key);
        }
      }
    }

    private void merged(Adapter adapter, AdapterValues values) {
      Path output = null;
      try {
        output = Files.createTempDirectory("merged");
        Path file = output.resolve("model.safetensors");
        try (Checkpoint base = Checkpoint.open(dir)) {
          ModelDescription untied = ModelDescription.of(task.modelType(), task.modules());
          if (adapter.parameters().stream().anyMatch(p -> task.tied().containsValue(p.slot().replaceFirst("lora_embedding_.$", "weight")))) {
            // PEFT changes both ends of a tied weight; what it writes is compared, and that it is refused.
            assertThrows(ConfigException.class, () -> LoraMerge.write(base, UnaryOperator.identity(), description, adapter, values, file));
            LoraMerge.write(base, UnaryOperator.identity(), untied, adapter, values, file);
          } else {
            LoraMerge.write(base, UnaryOperator.identity(), description, adapter, values, file);
          }
        }
        try (Checkpoint merged = Checkpoint.open(file)) {
          for (String name : tensors.names()) {
            if (name.startsWith("merged_weight.")) {
              float[] want = Numbers.floats(tensors, name);
              float[] got = Numbers.floats(merged, name.substring("merged_weight.".length()));
              Numbers.assertClose(want, got, 1e-4 * Numbers.max(want), name);
            }
          }
        }
      } catch (java.io.IOException e) {
        throw new java.io.UncheckedIOException(e);
      } finally {
        Numbers.delete(output);
      }
    }
  }
}
