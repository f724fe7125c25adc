package io.github.lora4j.lora.plain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Training of merged matrices with enable_lora, against the same matrices kept apart, each with its own LoRA. */
class MergedPartsTest {

  private static final int ROWS = 13;
  private static final int IN = 7;
  private static final int WIDTH = 5;
  private static final int STEPS = 6;
  private static final List<String> PARTS = List.of("q", "k", "v");

  private static ModelDescription merged(int out) {
    return ModelDescription.of("merged", List.of(ModuleInfo.linear("qkv", IN, out, false)));
  }

  private static ModelDescription apart() {
    return ModelDescription.of("apart", PARTS.stream().map(part -> ModuleInfo.linear(part, IN, WIDTH, false)).toList());
  }

  private static float[] numbers(int seed, int count) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static float[] columns(float[] whole, int part) {
    float[] own = new float[ROWS * WIDTH];
    for (int i = 0; i < ROWS; i++) {
      System.arraycopy(whole, i * 3 * WIDTH + part * WIDTH, own, i * WIDTH, WIDTH);
    }
    return own;
  }

  /** Losses and gradient norms of each step, then the parameters. */
  private record Trained(List<Float> reports, Map<String, float[]> values) {}

  /** Trains all outputs of these modules towards columns of one target. */
  private static Trained train(Adapter adapter, Map<String, float[]> weights, Map<String, float[]> targets, Map<String, float[]> start) {
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis rows = builder.axis("rows", ROWS);
    Value x = builder.input("x", Shape.of(rows, IN));
    Value lossSum = builder.state("lossSum", Shape.vector(1));
    Value count = builder.state("count", Shape.vector(1));
    Value report = builder.state("report", Shape.vector(3));
    List<String> modules = weights.keySet().stream().sorted().toList();
    for (String module : modules) {
      Graph graph = builder.entry(module);
      int out = weights.get(module).length / IN;
      Value labels = builder.input(module + ".labels", Shape.of(rows, out));
      Value loss = graph.loss(Loss.MSE, new Sites(graph, adapter).linear(module, x, out, false), labels);
      graph.countTargets(Loss.MSE, labels, count);
      graph.addSum(loss, lossSum);
      if (adapter.parameters().stream().anyMatch(parameter -> parameter.slot().startsWith(module))) {
        graph.backward(loss);
      }
    }
    Graph apply = builder.entry("apply");
    adapter.recordBeforeUpdate(apply, count);
    Value hyper = builder.input("hyper", Shape.vector(4));
    apply.optimizerStep(new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.1, 0.0), 0.5), hyper, lossSum, count, report);
    List<Float> reports = new ArrayList<>();
    Map<String, float[]> result = new HashMap<>();
    try (CpuBackend backend = new CpuBackend(new ReferenceKernels(DType.F32), new Workers(1));
        Executable e = backend.compile(builder.build(), CompileOptions.DEFAULT)) {
      e.rows(rows, ROWS);
      e.write(x, numbers(1, ROWS * IN), ROWS * IN);
      e.program().constants().forEach((name, data) -> e.write(e.program().slot(name).orElseThrow(), data, data.length));
      weights.forEach((module, data) -> e.write(e.program().slot(module + ".weight").orElseThrow(), data, data.length));
      targets.forEach((module, data) -> e.write(e.program().slot(module + ".labels").orElseThrow(), data, data.length));
      start.forEach((slot, data) -> e.write(e.program().slot(slot).orElseThrow(), data, data.length));
      try (AdapterValues values = new AdapterValues(adapter.parameters())) {
        start.forEach((slot, data) -> values.get(slot).copyFrom(MemorySegment.ofArray(data)));
        adapter.constants(values).forEach((slot, data) -> e.write(e.program().slot(slot).orElseThrow(), data, data.length));
      }
      for (int step = 1; step <= STEPS; step++) {
        modules.forEach(e::run);
        e.write(hyper, new float[] {0.05f, 0.05f, (float) (1 - Math.pow(0.9, step)), (float) (1 - Math.pow(0.999, step))}, 4);
        e.run("apply");
        reports.add(e.floats(report)[0]);
        reports.add(e.floats(report)[1]);
      }
      adapter.parameters().stream().filter(p -> !adapter.frozen(p.slot())).forEach(p -> result.put(p.slot(),
          e.floats(e.program().slot(p.slot()).orElseThrow())));
    }
    return new Trained(reports, result);
  }

  @ParameterizedTest
  @CsvSource({"true, false, true, false, false", "true, true, true, false, false", "false, true, false, true, false",
      "true, false, true, false, true"})
  void trainsLikeTheMatricesKeptApart(boolean q, boolean k, boolean v, boolean rslora, boolean fa) {
    List<Boolean> enabled = List.of(q, k, v);
    int r = 2;
    float[] weight = numbers(2, 3 * WIDTH * IN);
    float[] target = numbers(3, ROWS * 3 * WIDTH);
    UnaryOperator<Adapter> around = fa ? LoraFa::new : UnaryOperator.identity();
    Adapter together = AdapterMethod.named("lora").create(Map.of("target_modules", List.of("qkv"), "r", r, "lora_alpha", 6, "use_rslora", rslora,
        "enable_lora", enabled), merged(3 * WIDTH));
    List<String> names = new ArrayList<>();
    for (int part = 0; part < 3; part++) {
      if (enabled.get(part)) {
        names.add(PARTS.get(part));
      }
    }
    float[] a = numbers(4, names.size() * r * IN);
    Trained one = train(around.apply(together), Map.of("qkv", weight), Map.of("qkv", target), Map.of("qkv.lora_A.weight", a));

    Adapter each = AdapterMethod.named("lora").create(Map.of("target_modules", names, "r", r, "lora_alpha", 6, "use_rslora", rslora), apart());
    Map<String, float[]> weights = new HashMap<>();
    Map<String, float[]> targets = new HashMap<>();
    Map<String, float[]> start = new HashMap<>();
    for (int part = 0; part < 3; part++) {
      weights.put(PARTS.get(part), Arrays.copyOfRange(weight, part * WIDTH * IN, (part + 1) * WIDTH * IN));
      targets.put(PARTS.get(part), columns(target, part));
    }
    for (int i = 0; i < names.size(); i++) {
      start.put(names.get(i) + ".lora_A.weight", Arrays.copyOfRange(a, i * r * IN, (i + 1) * r * IN));
    }
    Trained several = train(around.apply(each), weights, targets, start);

    for (int i = 0; i < one.reports.size(); i++) {
      assertEquals(several.reports.get(i), one.reports.get(i), 1e-5 * Math.abs(several.reports.get(i)), "loss or norm " + i);
    }
    float[] b = one.values.get("qkv.lora_B.weight");
    int rank = names.size() * r;
    for (int row = 0; row < 3 * WIDTH; row++) {
      for (int column = 0; column < rank; column++) {
        String owner = names.get(column / r);
        boolean block = PARTS.get(row / WIDTH).equals(owner);
        float want = block ? several.values.get(owner + ".lora_B.weight")[row % WIDTH * r + column % r] : 0;
        assertEquals(want, b[row * rank + column], block ? 2e-5 : 0, "B[%d, %d]".formatted(row, column));
      }
    }
  }

  /** What is saved is plain LoRA. */
  @Test
  void isPlainLoraInItsFile() {
    Map<String, Object> config = AdapterMethod.named("lora").create(Map.of("target_modules", List.of("qkv"), "r", 4, "lora_alpha", 8, "enable_lora",
        List.of(true, false, true)), merged(15)).peftConfig();
    assertEquals(8, config.get("r"));
    assertEquals(16, ((Number) config.get("lora_alpha")).intValue());
    assertTrue(!config.containsKey("enable_lora"), config.toString());
  }

  @Test
  void whatDoesNotFitIsAnError() {
    refused("7 parts, into which the 15 outputs of qkv do not go", List.of(true, false, false, false, false, false, false));
    refused("expected a list of true and false with a true in it", List.of(false, false, false));
    refused("expected a list of true and false", "q");
    refused("use_dora", List.of(true, false, true), "use_dora", true);
    refused("init_lora_weights must be true", List.of(true, false, true), "init_lora_weights", "gaussian");
  }

  private static void refused(String part, Object flags, Object... more) {
    Map<String, Object> settings = new HashMap<>(Map.of("target_modules", List.of("qkv"), "enable_lora", flags));
    for (int i = 0; i < more.length; i += 2) {
      settings.put((String) more[i], more[i + 1]);
    }
    String message = assertThrows(ConfigException.class, () -> AdapterMethod.named("lora").create(settings, merged(15))).getMessage();
    assertTrue(message.contains(part), message);
  }
}
