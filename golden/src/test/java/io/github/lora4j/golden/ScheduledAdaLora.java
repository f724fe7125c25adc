package io.github.lora4j.golden;

import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.StepHook;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Workers;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;

/** AdaLoRA on fc2(tanh(fc1(x))) with its hook, as the trainer drives it: for {@link GoldenErrorsTest}. */
final class ScheduledAdaLora implements AutoCloseable {

  /** Steps of the run that the schedule is made for. */
  static final int STEPS = 10;

  private static final int ROWS = 8;
  private static final List<ModuleInfo> MODULES = List.of(ModuleInfo.linear("fc1", 11, 17, true), ModuleInfo.linear("fc2", 17, 5, true));
  private static final ModelDescription MODEL = ModelDescription.of("mlp", MODULES);

  private final Random random = new Random(3);
  private final Adapter adapter;
  private final Executable executable;
  private final Optional<StepHook> hook;

  private ScheduledAdaLora(Adapter adapter, AdapterValues values, boolean trains, CpuBackend backend) {
    this.adapter = adapter;
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis rows = builder.axis("rows", ROWS);
    Value x = builder.input("x", Shape.of(rows, 11));
    Value labels = builder.input("labels", Shape.of(rows, 5));
    Value lossSum = builder.state("lossSum", Shape.vector(1));
    Value count = builder.state("count", Shape.vector(1));
    Value report = builder.state("report", Shape.vector(3));
    Graph graph = builder.entry("accumulate");
    Sites sites = new Sites(graph, adapter);
    Value rowLoss = graph.loss(Loss.MSE, sites.linear("fc2", graph.activate(Activation.TANH, sites.linear("fc1", x, 17, true)), 5, true),
        labels);
    graph.addSum(rowLoss, lossSum);
    graph.countTargets(Loss.MSE, labels, count);
    if (trains) {
      graph.backward(rowLoss);
      Graph apply = builder.entry("apply");
      adapter.recordBeforeUpdate(apply, count);
      apply.update(new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.0, 0.0), 0), builder.input("hyper",
          Shape.vector(4)),
          lossSum, count, report);
      adapter.recordAfterUpdate(builder, report);
      builder.entry("clear").clearGradients(lossSum, count);
    }
    executable = backend.compile(builder.build(), CompileOptions.DEFAULT);
    executable.rows(rows, ROWS);
    for (String slot : List.of("x", "labels", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")) {
      Value value = executable.program().slot(slot).orElseThrow();
      float[] drawn = new float[ROWS * 40];
      for (int i = 0; i < drawn.length; i++) {
        drawn[i] = (float) (0.3 * random.nextGaussian());
      }
      executable.write(value, drawn, Math.toIntExact(value.shape().elements()));
    }
    values.write(executable);
    hook = trains ? adapter.hook(STEPS) : Optional.empty();
  }

  private static Adapter adapter(double orthogonality) {
    return AdapterMethod.named("adalora").create(Map.of("target_modules", List.of("fc1", "fc2"), "init_r", 3, "target_r", 2, "tinit", 1,
        "tfinal", 2, "deltaT", 1, "orth_reg_weight", orthogonality), MODEL);
  }

  /**
   * A run before its first step.
   *
   * @param orthogonality orth_reg_weight
   */
  static void with(double orthogonality, Consumer<ScheduledAdaLora> body) {
    Adapter adapter = adapter(orthogonality);
    try (Workers workers = new Workers(2); CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), workers);
        AdapterValues values = new AdapterValues(adapter.parameters()).initialise(1);
        ScheduledAdaLora run = new ScheduledAdaLora(adapter, values, true, backend)) {
      body.accept(run);
    }
  }

  /** The loss of an adapter that was trained, saved and loaded to predict. */
  static void loaded(Path directory, Consumer<Float> loss) {
    with(0.5, run -> {
      for (int done = 1; done <= STEPS; done++) {
        run.gradients(done);
        run.update(done);
      }
      try (LoadedAdapter finished = run.finish()) {
        PeftFormat.save(directory, finished.adapter(), finished.values());
      }
    });
    try (Workers workers = new Workers(2); CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), workers);
        LoadedAdapter loaded = PeftFormat.load(directory, MODEL);
        ScheduledAdaLora run = new ScheduledAdaLora(loaded.adapter(), loaded.values(), false, backend)) {
      loss.accept(run.loss());
    }
  }

  /** The mean loss of the batch; its gradients are added to the sums. */
  float loss() {
    float before = executable.floats(slot("lossSum"))[0];
    executable.run("accumulate");
    float sum = executable.floats(slot("lossSum"))[0] - before;
    return sum / (ROWS * 5);
  }

  /** Writes gradients, other ones for each step. */
  void gradients(int step) {
    Random of = new Random(step);
    for (ParameterLayout.Range range : executable.program().parameters().ranges()) {
      float[] g = new float[Math.toIntExact(range.length())];
      for (int i = 0; i < g.length; i++) {
        g[i] = (float) of.nextGaussian();
      }
      executable.write(range.gradient(), g, g.length);
    }
  }

  /** One step as the trainer does it: update, hook, clearing; what the hook said. */
  String update(int done) {
    executable.write(slot("count"), new float[] {1}, 1);
    executable.write(slot("hyper"), new float[] {1e-2f, 1e-2f, (float) (1 - Math.pow(0.9, done)), (float) (1 - Math.pow(0.999, done))}, 4);
    executable.run("apply");
    String notes = String.join("\n", hook.orElseThrow().afterUpdate(executable, done));
    executable.run("clear");
    return notes;
  }

  /** Ranks of the modules. */
  List<Integer> ranks() {
    return List.copyOf(hook.orElseThrow().ranks(executable).orElseThrow().ofModule().values());
  }

  /** The orthogonality term of the last update. */
  double penalty() {
    return hook.orElseThrow().ranks(executable).orElseThrow().penalty();
  }

  /** What the run would save. */
  LoadedAdapter finish() {
    try (AdapterValues values = new AdapterValues(adapter.parameters())) {
      values.read(executable);
      return hook.orElseThrow().finish(values);
    }
  }

  private Value slot(String name) {
    return executable.program().slot(name).orElseThrow();
  }

  @Override
  public void close() {
    executable.close();
  }
}
