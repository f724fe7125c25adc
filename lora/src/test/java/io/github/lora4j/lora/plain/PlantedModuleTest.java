package io.github.lora4j.lora.plain;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Workers;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Where an adapter sits matters (the figures that AdaLoRA starts from): a teacher differs from its student by a rank-2 update of one
 * module of a
 * residual network of three layers. LoRA in one module at a time, or in one layer at a time, must learn best in the place of the update,
 * by far.
 */
final class PlantedModuleTest {

  private static final int WIDTH = 16;
  private static final int ROWS = 256;
  private static final int STEPS = 300;
  private static final int LAYERS = 3;
  private static final List<String> KINDS = List.of("up", "down");

  /** The layers' programs, weights and data; the same for every choice of modules. */
  private final Map<String, float[]> weights = new LinkedHashMap<>();
  private final float[] inputs = normal(new Random(5), ROWS * WIDTH, 1);

  PlantedModuleTest() {
    Random random = new Random(3);
    for (int layer = 0; layer < LAYERS; layer++) {
      for (String kind : KINDS) {
        weights.put("layers.%d.%s".formatted(layer, kind), normal(random, WIDTH * WIDTH, 1 / Math.sqrt(WIDTH)));
      }
    }
  }

  @Test
  void oneModuleAloneLearnsMostWhereTheUpdateIs() {
    for (String planted : List.of("layers.0.up", "layers.1.down", "layers.2.up")) {
      Map<String, Double> losses = new LinkedHashMap<>();
      weights.keySet().forEach(module -> losses.put(module, train(planted, List.of(module))));
      assertBestByFar(planted, losses);
    }
  }

  @Test
  void oneLayerAloneLearnsMostWhereTheUpdateIs() {
    for (String planted : List.of("layers.0.down", "layers.1.up", "layers.2.down")) {
      Map<String, Double> losses = new LinkedHashMap<>();
      for (int layer = 0; layer < LAYERS; layer++) {
        String prefix = "layers." + layer;
        losses.put(prefix, train(planted, weights.keySet().stream().filter(name -> name.startsWith(prefix)).toList()));
      }
      assertBestByFar(planted.substring(0, planted.lastIndexOf('.')), losses);
    }
  }

  private static void assertBestByFar(String planted, Map<String, Double> losses) {
    List<String> order = new ArrayList<>(losses.keySet());
    Collections.sort(order, java.util.Comparator.comparingDouble(losses::get));
    assertEquals(planted, order.getFirst(), losses.toString());
    assertTrue(losses.get(planted) < 0.2 * losses.get(order.get(1)), "planted at " + planted + ": " + losses);
  }

  /** The last loss of LoRA with rank 2 in some modules. */
  private double train(String planted, List<String> targets) {
    List<ModuleInfo> modules = weights.keySet().stream().map(name -> ModuleInfo.linear(name, WIDTH, WIDTH, false)).toList();
    Adapter adapter = AdapterMethod.named("lora").create(Map.of("r", 2, "lora_alpha", 2, "target_modules", targets),
        ModelDescription.of("planted", modules));
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis rows = builder.axis("rows", ROWS);
    Graph graph = builder.entry("accumulate");
    Value x = builder.input("x", Shape.of(rows, WIDTH));
    Sites sites = new Sites(graph, adapter);
    Value y = x;
    for (int layer = 0; layer < LAYERS; layer++) {
      Value up = graph.activate(Activation.TANH, sites.linear("layers.%d.up".formatted(layer), y, WIDTH, false));
      y = graph.add(y, sites.linear("layers.%d.down".formatted(layer), up, WIDTH, false));
    }
    graph.output("y", y);
    Value target = builder.input("target", Shape.of(rows, WIDTH));
    Value rowLoss = graph.loss(Loss.MSE, y, target);
    Value lossSum = builder.state("lossSum", Shape.vector(1));
    Value count = builder.state("count", Shape.vector(1));
    graph.addSum(rowLoss, lossSum);
    graph.countTargets(Loss.MSE, target, count);
    graph.backward(rowLoss);
    Value report = builder.state("report", Shape.vector(3));
    Value hyper = builder.input("hyper", Shape.vector(4));
    builder.entry("apply").update(new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.0, 0.0), 0), hyper, lossSum,
        count,
        report);
    builder.entry("clear").clearGradients(lossSum, count);
    try (CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(1));
        Executable e = backend.compile(builder.build(), CompileOptions.DEFAULT);
        AdapterValues values = new AdapterValues(adapter.parameters()).initialise(1)) {
      e.rows(e.program().axis("rows").orElseThrow(), ROWS);
      e.write(x, inputs, inputs.length);
      for (AdapterParameter p : adapter.parameters()) {
        e.write(e.program().slot(p.slot()).orElseThrow(), values.get(p.slot()));
      }
      // B is zero as yet, so with the teacher's weights the program is the teacher.
      base(e, planted);
      float[] nothing = new float[ROWS * WIDTH];
      e.write(target, nothing, nothing.length);
      e.run("accumulate");
      float[] taught = e.floats(y);
      e.run("clear");
      e.write(target, taught, taught.length);
      base(e, "");
      double last = 0;
      for (int step = 1; step <= STEPS; step++) {
        float rate = (float) (0.02 * (1 - (step - 1.0) / STEPS));
        e.run("accumulate");
        e.write(hyper, new float[] {rate, rate, (float) (1 - Math.pow(0.9, step)), (float) (1 - Math.pow(0.999, step))}, 4);
        e.run("apply");
        last = e.floats(report)[0];
        e.run("clear");
      }
      return last;
    }
  }

  /** Writes the base weights, one of them with the update. */
  private void base(Executable e, String planted) {
    weights.forEach((name, weight) -> {
      float[] w = weight.clone();
      Random random = new Random(9);
      for (int k = 0; name.equals(planted) && k < 2; k++) {
        float[] left = normal(random, WIDTH, 1 / Math.sqrt(WIDTH));
        float[] right = normal(random, WIDTH, 1);
        for (int i = 0; i < w.length; i++) {
          w[i] += left[i / WIDTH] * right[i % WIDTH];
        }
      }
      e.write(e.program().slot(name + ".weight").orElseThrow(), w, w.length);
    });
  }

  private static float[] normal(Random random, int count, double size) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (size * random.nextGaussian());
    }
    return values;
  }
}
