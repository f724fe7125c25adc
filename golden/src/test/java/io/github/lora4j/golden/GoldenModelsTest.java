package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.cli.InProcess;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.StepHook;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.models.WeightStorage;
import io.github.lora4j.models.Weights;
import io.github.lora4j.testkit.TestedBackends;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.WeightFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Whole models with LoRA, DoRA and AdaLoRA as PEFT and transformers computed them: logits, losses, gradients, steps, merged weights. */
public final class GoldenModelsTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  /** Gradients below this part of the largest are rounding. */
  private static final double NOISE = 1e-6;

  @TestFactory
  Stream<DynamicTest> agree() {
    return TestedBackends.each(GoldenModelsTest::cases);
  }

  private static Stream<DynamicTest> cases(TestedBackends on) {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories("models")) {
      checks.put(GoldenCases.name(dir) + ": on " + on, () -> {
        JsonNode expected = GoldenCases.json(dir.resolve("expected.json"));
        String type = GoldenCases.json(dir.resolve("config.json")).path("model_type").asText();
        if (!ModelFamily.all().containsKey(type)) {
          throw GoldenCases.notYet("model_type %s: no family".formatted(type));
        }
        if (GoldenModel.Kind.of(expected.path("model_class").asText()).isEmpty()) {
          throw GoldenCases.notYet("no task for " + expected.path("model_class").asText());
        }
        String method = expected.path("peft_config").path("peft_type").asText();
        if (!List.of("LORA", "ADALORA").contains(method)) {
          throw GoldenCases.notYet("method " + method);
        }
        try (Backend backend = on.open(); GoldenModel model = GoldenCases.supported(() -> new GoldenModel(dir, expected))) {
          new Case(model, backend).check();
        }
      });
    }
    return GoldenCases.tests("models", checks);
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
      if (model.kind == GoldenModel.Kind.CLASSES && tensors.names().contains("base.hidden_states")
          && task.model().architecture().rowsOf(task.model().head()) == Rows.FIRST) {
        allRows(task.model());
      }
      try (LoadedAdapter loaded = PeftFormat.load(dir.resolve("adapter"), description)) {
        everyToken("lora", loaded.adapter(), Optional.of(loaded.values()));
        if (model.trains()) {
          training(loaded);
        } else {
          try (Session session = open(loaded, Optional.empty())) {
            model.close("lora", session);
          }
        }
      }
      Path trained = dir.resolve("adapter_trained");
      if (Files.exists(trained)) {
        try (LoadedAdapter loaded = PeftFormat.load(trained, description); Session session = open(loaded, Optional.empty())) {
          model.close("trained", session);
          everyToken("trained", loaded.adapter(), Optional.of(loaded.values()));
          if (!model.trains()) {
            merged(loaded.adapter(), loaded.values());
          }
        }
      }
    }

    /** {@code lora4j merge}: weights, what config.json says, and what the merged model gives alone. */
    private void merged(Adapter adapter, AdapterValues values) {
      Path output = temporary();
      try {
        Path saved = output.resolve("adapter");
        PeftFormat.save(saved, adapter, values);
        Path merged = output.resolve("merged");
        List<Object> arguments = new ArrayList<>(List.of("merge", "--model", dir, "--adapter", saved, "--output", merged));
        // PEFT changes both ends of a tied weight where the adapter is on one; here that is refused, or the ends are parted.
        boolean oneEnd = adapter.parameters().stream().map(p -> p.slot().replaceFirst("lora_(embedding_)?[A-Z](\\.weight)?$", "weight"))
            .anyMatch(weight -> task.tied().containsValue(weight) || task.tied().containsKey(weight));
        if (oneEnd) {
          assertEquals(2, InProcess.run(arguments.toArray()).code());
          arguments.add("--untie");
        }
        InProcess run = InProcess.run(arguments.toArray());
        assertEquals(0, run.code(), run.output());
        try (Checkpoint weights = Checkpoint.open(merged)) {
          same(weights);
        }
        JsonNode written = GoldenCases.json(merged.resolve("config.json"));
        expected.path("merged_config").properties().forEach(entry -> assertEquals(entry.getValue(), written.path(entry.getKey()),
            "config.json of the merged model: " + entry.getKey()));
        alone(merged, oneEnd);
      } finally {
        Numbers.delete(output);
      }
    }

    /** The merged model without an adapter gives what PEFT's merged one gave, or what was given before merging where PEFT's is wrong. */
    private void alone(Path merged, boolean parted) {
      String stage = parted ? "trained" : "merged";
      GoldenModel of = new GoldenModel(merged, expected, tensors);
      try (Checkpoint base = Checkpoint.open(merged);
          Session session = Session.open(new Session.Setup(of.task, List.of(base), capacity(), WeightFormat.F32, 1), Adapter.BASE, backend)) {
        if (of.recorded(stage) && (parted || expected.path("max_abs_diff_merged").asDouble() < 1e-4)) {
          of.close(stage, session);
        }
      }
    }

    private void same(Checkpoint merged) {
      for (String name : tensors.names()) {
        if (name.startsWith("merged_weight.")) {
          float[] want = Numbers.floats(tensors, name);
          Numbers.assertClose(want, Numbers.floats(merged, name.substring("merged_weight.".length())), 1e-4 * Numbers.max(want), name);
        }
      }
    }

    private static Path temporary() {
      try {
        return Files.createTempDirectory("merged");
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private Session open(LoadedAdapter loaded, Optional<OptimizerSpec> optimizer) {
      try (Checkpoint base = Checkpoint.open(dir)) {
        return open(base, loaded.adapter(), Optional.of(loaded.values()), optimizer);
      }
    }

    private Session open(Checkpoint base, Adapter adapter, Optional<AdapterValues> values, Optional<OptimizerSpec> optimizer) {
      return Session.open(new Session.Setup(task, List.of(base), capacity(), WeightStorage.F32, 1, values, optimizer), adapter, backend);
    }

    private TaskProgram.Capacity capacity() {
      return new TaskProgram.Capacity(rows * length + 3, rows + 1, length);
    }

    private void baseModel() {
      try (Checkpoint base = Checkpoint.open(dir); Session session = open(base, Adapter.BASE, Optional.empty(), Optional.empty())) {
        model.close("base", session);
      }
      everyToken("base", Adapter.BASE, Optional.empty());
    }

    /** A decoder predicts behind the last token alone: its logits of every token are recorded here. */
    private void everyToken(String stage, Adapter adapter, Optional<AdapterValues> values) {
      if (model.kind == GoldenModel.Kind.NEXT_TOKEN || model.kind == GoldenModel.Kind.FROM_SOURCE) {
        try (Checkpoint base = Checkpoint.open(dir);
            Session session = Session.open(new Session.Setup(new EveryToken(task), List.of(base), capacity(), WeightStorage.F32, 1, values,
                Optional.empty()), adapter, backend)) {
          model.close(stage, session);
        }
      }
    }

    /** Without row pruning: every last hidden state as recorded, and the pruned rows equal them. */
    private void allRows(Model of) {
      ProgramBuilder builder = new ProgramBuilder();
      PackedInputs in = PackedInputs.declare(builder, rows * length, rows, new PackedInputs.Limits(length, of.architecture().firstPosition(),
          of.architecture().vocabSize()));
      Graph graph = builder.entry("all");
      Sites sites = new Sites(graph, Adapter.BASE);
      Value all = graph.output("all", of.hidden(sites, in, Rows.ALL));
      Value first = graph.output("first", of.hidden(sites, in, Rows.FIRST));
      try (Executable executable = backend.compile(builder.build(), io.github.lora4j.graph.CompileOptions.DEFAULT);
          Checkpoint base = Checkpoint.open(dir)) {
        Weights weights = new Weights(List.of(base), task.model(), 1);
        TaskProgram.load(executable, List.of((parameter, as, target) -> {
          weights.read(parameter, as, target);
          return true;
        }));
        model.write(in, executable);
        executable.run("all");
        float[] hidden = executable.floats(all);
        float[] firstRows = executable.floats(first);
        float[] recorded = Numbers.floats(tensors, "base.hidden_states");
        int width = of.architecture().hiddenSize();
        long lastLayer = (tensors.info("base.hidden_states").shape().getFirst() - 1) * rows * length * width;
        int at = 0;
        for (int row = 0; row < rows; row++) {
          for (int j = 0; j < width; j++) {
            assertEquals(hidden[at * width + j], firstRows[row * width + j], 1e-5, "first row " + row);
          }
          for (int t : model.places().get(row)) {
            for (int j = 0; j < width; j++) {
              assertEquals(recorded[(int) lastLayer + (row * length + t) * width + j], hidden[at * width + j], 2e-5,
                  "hidden state, row %d token %d".formatted(row, t));
            }
            at++;
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
        model.close("lora", session);
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
        model.close("trained", session);
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
        recorded.properties().forEach(entry -> assertEquals(entry.getValue().asInt(),
              ranks.get(GoldenCases.slot(entry.getKey()).replaceFirst("\\.lora_E$", "")),
            entry.getKey() + " after step " + (step + 1)));
      }
    }

    /** The trained adapter has PEFT's ranks, and as plain LoRA PEFT's values. */
    private void finished(LoadedAdapter ours) {
      JsonNode pattern = expected.path("peft_config").path("rank_pattern");
      if (!pattern.isMissingNode() && !pattern.isNull()) {
        assertEquals(pattern, JSON.valueToTree(ours.adapter().peftConfig().get("rank_pattern")));
      }
      Path asLora = dir.resolve("adapter_trained_as_lora");
      if (!Files.exists(asLora)) {
        return;
      }
      try (LoadedAdapter lora = ours.adapter().toLora(ours.values());
          LoadedAdapter theirs = PeftFormat.load(asLora, description)) {
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
  }
}
