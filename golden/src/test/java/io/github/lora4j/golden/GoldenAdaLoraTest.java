package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.golden.GoldenCases.Tensor;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.StepHook;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.testkit.Session;
import io.github.lora4j.testkit.TestProgram;
import io.github.lora4j.testkit.TestedBackends;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Loss;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * AdaLoRA by PEFT and by its authors: one layer with its gradients and the orthogonality term; and whole runs whose recorded parameters and
 * gradients are replayed through our importance, allocation and masks.
 */
public final class GoldenAdaLoraTest {

  @TestFactory
  Stream<DynamicTest> agree() {
    return TestedBackends.each(GoldenAdaLoraTest::cases);
  }

  private static Stream<DynamicTest> cases(TestedBackends on) {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Map.Entry<Path, JsonNode> read : GoldenCases.read("adalora", checks).entrySet()) {
      Path file = read.getKey();
      JsonNode expected = read.getValue();
      if (expected.has("tables")) {
        continue; // budgets: GoldenBudgetTest
      }
      Path tensors = file.resolveSibling(GoldenCases.name(file) + ".safetensors");
      checks.put(GoldenCases.name(file) + ": on " + on, () -> {
        try (Backend backend = on.open(); Checkpoint t = Checkpoint.open(tensors)) {
          if (expected.path("peer").asText().endsWith("SVDLinear")) {
            layer(expected, t, backend);
          } else if (expected.path("base").asText().matches("Conv\\dd\\(.*")) {
            convolution(expected, GoldenCases.tensors(tensors), backend);
          } else {
            replay(file, expected, t, backend);
          }
        }
      });
    }
    return GoldenCases.tests("adalora", checks);
  }

  private static void layer(JsonNode c, Checkpoint t, Backend backend) {
    int in = c.path("i").asInt();
    int out = c.path("o").asInt();
    int r = c.path("r").asInt();
    int initial = c.path("ranknum").asInt();
    boolean transposed = c.path("fan_in_fan_out").asBoolean();
    ModuleInfo module = new ModuleInfo("lin", transposed ? ModuleInfo.Kind.CONV1D : ModuleInfo.Kind.LINEAR, in, out,
        t.names().contains("b0"));
    Map<String, Object> config = new LinkedHashMap<>(Map.of("peft_type", "ADALORA", "target_modules", List.of("lin"), "init_r", initial,
        "target_r", 1, "lora_alpha", c.path("lora_alpha").numberValue(), "fan_in_fan_out", transposed));
    if (r < initial) {
      List<Boolean> kept = new ArrayList<>();
      for (int i = 0; i < initial; i++) {
        kept.add(i < r);
      }
      config.put("rank_pattern", Map.of("lin.lora_E", kept));
    }
    Adapter adapter = AdapterMethod.ofPeftType("ADALORA").restore(config, ModelDescription.of("mlp", List.of(module)));
    float[] x = Numbers.floats(t, "x");
    int rows = x.length / in;
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis axis = builder.axis("rows", rows);
    Graph graph = builder.entry("accumulate");
    // x trains too, so that its gradient can be read; squared error against y − dy/2 has the gradient dy.
    Value ids = builder.table("ids", Shape.of(axis, 1));
    Value input = graph.embedding(builder.trainable("x", Shape.of(rows, in), 0), ids);
    Value y = graph.output("y", new Sites(graph, adapter).linear("lin", input, out, module.bias()));
    Value rowLoss = graph.loss(Loss.MSE, y, builder.input("target", Shape.of(axis, out)));
    Value count = builder.state("count", Shape.vector(1));
    graph.backward(rowLoss);
    Graph orthogonality = builder.entry("orthogonality");
    Value penalty = builder.state("penalty", Shape.vector(1));
    orthogonality.orthogonality(builder.find("lin.lora_A").orElseThrow(), false, 0.25, true, count, penalty);
    orthogonality.orthogonality(builder.find("lin.lora_B").orElseThrow(), true, 0.25, false, count, penalty);
    try (Executable e = backend.compile(builder.build(), CompileOptions.DEFAULT)) {
      e.rows(axis, rows);
      float[] w = Numbers.floats(t, "W0");
      write(e, "lin.weight", transposed ? transpose(w, in, out) : w);
      if (module.bias()) {
        write(e, "lin.bias", Numbers.floats(t, "b0"));
      }
      write(e, "x", x);
      for (String p : List.of("lora_A", "lora_E", "lora_B")) {
        write(e, "lin." + p, Numbers.floats(t, "param." + p));
      }
      int[] all = new int[rows];
      Arrays.setAll(all, i -> i);
      int[] starts = new int[rows + 1];
      Arrays.setAll(starts, i -> i);
      e.rows(e.program().axis("ids.unique").orElseThrow(), rows);
      e.write(ids, all, rows);
      e.write(e.program().slot("ids.unique").orElseThrow(), all, rows);
      e.write(e.program().slot("ids.starts").orElseThrow(), starts, rows + 1);
      e.write(e.program().slot("ids.order").orElseThrow(), all, rows);
      float[] want = Numbers.floats(t, "y");
      float[] dy = Numbers.floats(t, "dy");
      float[] target = new float[want.length];
      for (int i = 0; i < target.length; i++) {
        target[i] = want[i] - dy[i] / 2;
      }
      write(e, "target", target);
      write(e, "count", new float[] {1});
      e.run("accumulate");
      close("y", want, e.floats(y));
      close("dx", Numbers.floats(t, "dx"), gradient(e, "x"));
      for (String p : List.of("lora_A", "lora_E", "lora_B")) {
        close(p, Numbers.floats(t, "grad." + p), gradient(e, "lin." + p));
      }
      if (!t.names().contains("orth_loss_w05")) {
        return;
      }
      e.arena(Executable.Arena.GRADIENTS).fill((byte) 0);
      e.arenaWritten(Executable.Arena.GRADIENTS);
      e.run("orthogonality");
      close("orthogonality", Numbers.floats(t, "orth_loss_w05"), e.floats(penalty));
      close("orthogonality by A", Numbers.floats(t, "orth_grad.lora_A"), gradient(e, "lin.lora_A"));
      close("orthogonality by B", Numbers.floats(t, "orth_grad.lora_B"), gradient(e, "lin.lora_B"));
    }
  }

  private static void convolution(JsonNode c, Map<String, Tensor> tensors, Backend backend) {
    Map<String, Tensor> t = Images.rows(tensors);
    int out = Math.toIntExact(t.get("W0").shape().getFirst());
    ModuleInfo module = ModuleInfo.convolution("lin", Images.convolution(c.path("base").asText()), out,
        t.containsKey("b0"));
    Map<String, Object> config = Map.of("peft_type", "ADALORA", "target_modules", List.of("lin"), "init_r", c.path("ranknum").asInt(),
        "target_r", 1, "lora_alpha", c.path("lora_alpha").numberValue());
    Adapter adapter = AdapterMethod.ofPeftType("ADALORA").restore(config, ModelDescription.of("cnn", List.of(module)));
    TestProgram program = new TestProgram("lin", 1, p -> p.mse(Images.record(p, new Sites(p.graph(), adapter), module,
        t.get("x").shape(), Images.sizes(tensors.get("x")))));
    Map<String, String> slots = new LinkedHashMap<>(Map.of("lin.weight", "W0", "x", "x"));
    if (module.bias()) {
      slots.put("lin.bias", "b0");
    }
    adapter.parameters().forEach(p -> slots.put(p.slot(), "param." + p.slot().substring("lin.".length())));
    slots.forEach((slot, name) -> program.floats().put(program.program().slot(slot).orElseThrow(), t.get(name).values()));
    try (Session session = new Session(program, backend)) {
      double[] y = session.run(Session.full(program)).get("y");
      close("y", t.get("y").values(), narrow(y));
      float[] labels = program.floats().get(program.program().slot("labels").orElseThrow());
      for (int i = 0; i < labels.length; i++) {
        labels[i] = (float) (y[i] - t.get("dy").values()[i] / 2);
      }
      Map<String, double[]> got = session.run(Session.full(program));
      close("dx", t.get("dx").values(), narrow(got.get("x.grad")));
      adapter.parameters().forEach(p -> close(p.slot(), t.get("grad." + p.slot().substring("lin.".length())).values(),
          narrow(got.get(p.slot() + ".grad"))));
    }
    if (!t.containsKey("delta_weight")) {
      return;
    }
    // Merged it is the weight plus PEFT's change.
    try (LoadedAdapter lora = adapter.mergeable(values(adapter, t)); Arena arena = Arena.ofConfined()) {
      MemorySegment weight = arena.allocateFrom(ValueLayout.JAVA_FLOAT, t.get("W0").values());
      lora.adapter().weightChanges(lora.values()).get("lin.weight").apply(DType.F32, weight);
      float[] merged = weight.toArray(ValueLayout.JAVA_FLOAT);
      float[] want = t.get("W0").values().clone();
      for (int i = 0; i < want.length; i++) {
        want[i] += t.get("delta_weight").values()[i];
      }
      close("merged", want, merged);
    }
  }

  private static AdapterValues values(Adapter adapter, Map<String, Tensor> t) {
    AdapterValues values = new AdapterValues(adapter.parameters());
    adapter.parameters().forEach(p -> values.get(p.slot()).copyFrom(MemorySegment.ofArray(t.get("param." + p.slot().substring("lin.".length()))
        .values())));
    return values;
  }

  private static float[] narrow(double[] values) {
    float[] narrow = new float[values.length];
    for (int i = 0; i < narrow.length; i++) {
      narrow[i] = (float) values[i];
    }
    return narrow;
  }

  private static float[] gradient(Executable e, String slot) {
    return e.floats(e.program().slot(slot + ".grad").orElseThrow());
  }

  private static void close(String what, float[] want, float[] got) {
    Numbers.assertClose(want, got, 2e-5 * Math.max(1e-6, Numbers.max(want)), what);
  }

  private static float[] transpose(float[] values, int rows, int cols) {
    float[] result = new float[values.length];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < cols; j++) {
        result[j * rows + i] = values[i * cols + j];
      }
    }
    return result;
  }

  private static void write(Executable e, String slot, float[] values) {
    e.write(e.program().slot(slot).orElseThrow(), values, values.length);
  }

  /** Whose rules a recording follows, where its tensors lie, and under what names: those of adapters follow the parameter's. */
  private record Trace(Checkpoint t, String suffix, Map<String, Object> settings, int firstStep, List<ModuleInfo> modules) {

    static Trace of(Checkpoint t, Map<String, Object> settings, int firstStep) {
      List<String> names = t.names().stream().filter(name -> name.matches("pre_alloc\\..*\\.lora_E(\\..*)?")).toList();
      if (names.isEmpty()) {
        throw GoldenCases.notYet("neither a layer nor a run that can be replayed");
      }
      List<ModuleInfo> modules = names.stream().map(name -> name.replaceFirst("pre_alloc\\.(.*)\\.lora_E.*", "$1"))
          .sorted(Comparator.comparing((String name) -> name.replaceAll("\\D", "").length()).thenComparing(Comparator.naturalOrder()))
          .map(name -> {
            List<Long> shape = t.info("base." + name + ".weight").shape();
            return ModuleInfo.linear(name, shape.get(1).intValue(), shape.get(0).intValue(), t.names().contains("base." + name + ".bias"));
          }).toList();
      return new Trace(t, names.getFirst().replaceFirst(".*\\.lora_E", ""), settings, firstStep, modules);
    }
  }

  private static void replay(Path file, JsonNode expected, Checkpoint own, Backend backend) {
    if (expected.has("inputs")) {
      // The authors' allocator on what PEFT's run recorded.
      Path inputs = file.resolveSibling(expected.path("inputs").asText() + ".safetensors");
      JsonNode peft = GoldenCases.json(file.resolveSibling(expected.path("inputs").asText() + ".json"));
      try (Checkpoint t = Checkpoint.open(inputs)) {
        check(Trace.of(t, settings(peft, "authors"), peft.path("first_step").asInt()), expected, own, backend);
      }
      return;
    }
    check(Trace.of(own, settings(expected, expected.has("settings") ? "authors" : "peft"), expected.path("first_step").asInt()), expected, own,
        backend);
  }

  private static Map<String, Object> settings(JsonNode c, String convention) {
    Map<String, Object> s = new LinkedHashMap<>();
    if (c.has("settings")) {
      JsonNode o = c.path("settings");
      s.put("init_r", o.path("init_r").asInt());
      s.put("target_r", o.path("target_r").asInt());
      s.put("tinit", o.path("init_warmup").asInt());
      s.put("tfinal", o.path("final_warmup").asInt());
      s.put("deltaT", o.path("mask_interval").asInt());
      s.put("total_step", o.path("total_step").asInt());
      if (!o.path("target_total_rank").isNull()) {
        s.put("target_total_rank", o.path("target_total_rank").asInt());
      }
      s.put("beta1", o.path("beta1").asDouble());
      s.put("beta2", o.path("beta2").asDouble());
      s.put("lora_alpha", o.path("lora_alpha").numberValue());
    } else {
      JsonNode o = c.path("config");
      for (String key : List.of("init_r", "target_r", "tinit", "tfinal", "deltaT", "total_step", "lora_alpha")) {
        s.put(key, o.path(key).numberValue());
      }
      s.put("beta1", o.path("beta1").asDouble());
      s.put("beta2", o.path("beta2").asDouble());
    }
    s.put("convention", convention);
    return s;
  }

  private static void check(Trace trace, JsonNode expected, Checkpoint own, Backend backend) {
    List<ModuleInfo> infos = trace.modules;
    Map<String, Object> settings = new LinkedHashMap<>(trace.settings);
    int steps = (int) settings.remove("total_step");
    settings.put("target_modules", infos.stream().map(ModuleInfo::name).toList());
    Adapter adapter = AdapterMethod.named("adalora").create(settings, ModelDescription.of("mlp", infos));
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis axis = builder.axis("rows", 1);
    Graph graph = builder.entry("forward");
    for (ModuleInfo module : infos) {
      new Sites(graph, adapter).linear(module.name(), builder.input("x." + module.name(), Shape.of(axis, module.in())),
          module.out(), module.bias());
    }
    Value report = builder.state("report", Shape.vector(3));
    adapter.recordAfterUpdate(builder, report);
    // What clears gradients after the hook also asks for their arena.
    builder.entry("clear").clearGradients(builder.state("lossSum", Shape.vector(1)), builder.state("count", Shape.vector(1)));
    try (Executable e = backend.compile(builder.build(), CompileOptions.DEFAULT)) {
      StepHook hook = adapter.hook(steps).orElseThrow();
      write(e, "report", new float[] {1, 1, 1});
      List<Integer> masked = new ArrayList<>();
      int scored = 0;
      int recorded = Math.toIntExact(trace.t.info("pre_alloc." + infos.getFirst().name() + ".lora_E" + trace.suffix).shape().getFirst());
      String after = own.names().contains("E_post." + infos.getFirst().name() + ".lora_E") ? "E_post." : "post_alloc.";
      for (int i = 0; i < recorded; i++) {
        for (ParameterLayout.Range range : e.program().parameters().ranges()) {
          String name = range.value().name() + trace.suffix;
          write(e, range.value().name(), row(trace.t, "pre_alloc." + name, i));
          write(e, range.gradient().name(), row(trace.t, "grad." + name, i));
        }
        // The hook numbers steps as its convention does; recordings say which number their first step had.
        int number = trace.firstStep + i;
        int done = trace.settings.get("convention").equals("authors") ? number + 1 : number;
        hook.afterUpdate(e, done);
        int budget = expected.path("budget").get(i).asInt();
        assertEquals(budget, hook.ranks(e).orElseThrow().budget(), "budget at step " + number);
        boolean maskedNow = contains(expected.path("masked_at_step"), number);
        int kept = 0;
        for (ModuleInfo module : infos) {
          String name = module.name() + ".lora_E";
          String tensor = after + name + (after.equals("E_post.") ? "" : trace.suffix);
          float[] want = row(own, tensor, i);
          float[] got = e.floats(e.program().slot(name).orElseThrow());
          assertArrayEquals(want, got, name + " after step " + number);
          for (float value : got) {
            kept += value != 0 ? 1 : 0;
          }
        }
        if (maskedNow) {
          masked.add(number);
          if (own.names().contains("scores_flat") && scored < own.info("scores_flat").shape().getFirst()) {
            float[] want = row(own, "scores_flat", scored++);
            float[] got = new float[want.length];
            int at = 0;
            for (ModuleInfo module : infos) {
              float[] scores = e.floats(e.program().slot(module.name() + ".importance").orElseThrow());
              System.arraycopy(scores, 0, got, at, scores.length);
              at += scores.length;
            }
            for (int j = 0; j < want.length; j++) {
              assertEquals(want[j], got[j], 1e-5 * Math.max(want[j], 1e-5 * Numbers.max(want)), "score %d at step %d".formatted(j, number));
            }
          }
        }
        assertFalse(kept == 0, "everything was pruned at step " + number);
      }
      assertEquals(expected.path("masked_at_step").size(), masked.size(), "steps with masks");
      finalRanks(expected, adapter, hook, e);
    }
  }

  private static void finalRanks(JsonNode expected, Adapter adapter, StepHook hook, Executable e) {
    if (!expected.has("final_rank_pattern")) {
      return;
    }
    try (AdapterValues values = new AdapterValues(adapter.parameters())) {
      for (ParameterLayout.Range range : e.program().parameters().ranges()) {
        values.get(range.value().name()).copyFrom(java.lang.foreign.MemorySegment.ofArray(e.floats(range.value())));
      }
      try (var finished = hook.finish(values)) {
        Map<?, ?> pattern = (Map<?, ?>) finished.adapter().peftConfig().get("rank_pattern");
        expected.path("final_rank_pattern").properties().forEach(entry -> {
          List<Boolean> bits = new ArrayList<>();
          entry.getValue().forEach(bit -> bits.add(bit.asBoolean()));
          assertEquals(bits, pattern.get(GoldenCases.slot(entry.getKey())), entry.getKey());
        });
      }
    }
  }

  private static boolean contains(JsonNode list, int number) {
    for (JsonNode item : list) {
      if (item.asInt() == number) {
        return true;
      }
    }
    return false;
  }

  private static float[] row(Checkpoint t, String name, int index) {
    float[] all = Numbers.floats(t, name);
    int n = all.length / Math.toIntExact(t.info(name).shape().getFirst());
    return Arrays.copyOfRange(all, index * n, (index + 1) * n);
  }
}
