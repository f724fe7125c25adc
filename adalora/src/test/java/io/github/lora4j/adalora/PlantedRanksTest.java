package io.github.lora4j.adalora;

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
import io.github.lora4j.lora.StepHook;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Workers;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/**
 * A teacher whose weights differ from the student's by updates of planted ranks: four modules, 1, 2, 5 and 8 directions of equal strength,
 * 16 in all. AdaLoRA with a budget of 16 must find that allocation, and beat LoRA that gives each module 4; with its importance dealt to the
 * wrong modules it must do neither.
 */
final class PlantedRanksTest {

  private static final int[] PLANTED = {1, 2, 5, 8};
  private static final int WIDTH = 24;
  private static final int ROWS = 128;
  private static final int STEPS = 600;

  /** Where a run ended. */
  private record Outcome(double loss, Map<String, Integer> ranks) {}

  @Test
  void importanceFindsThePlantedRanksAndBeatsAnEvenSpread() {
    Outcome adaptive = train("adalora", Map.of("init_r", 8, "target_r", 4, "lora_alpha", 8), UnaryOperator.identity());
    Outcome even = train("lora", Map.of("r", 4, "lora_alpha", 4), UnaryOperator.identity());
    Outcome shuffled = train("adalora", Map.of("init_r", 8, "target_r", 4, "lora_alpha", 8), PlantedRanksTest::deal);
    assertEquals(List.of(1, 2, 5, 8), List.copyOf(adaptive.ranks.values()), "adaptive " + adaptive + ", even " + even + ", shuffled " + shuffled);
    assertTrue(adaptive.loss < 0.1 * even.loss, "adaptive " + adaptive + ", even " + even);
    assertTrue(!adaptive.ranks.equals(shuffled.ranks) && shuffled.loss > 10 * adaptive.loss, "adaptive " + adaptive + ", shuffled " + shuffled);
  }

  /** Gives each module the importance of another. */
  private static Map<String, float[]> deal(Map<String, float[]> scores) {
    List<String> names = new ArrayList<>(scores.keySet());
    Map<String, float[]> dealt = new LinkedHashMap<>();
    for (int i = 0; i < names.size(); i++) {
      dealt.put(names.get(i), scores.get(names.get(names.size() - 1 - i)));
    }
    return dealt;
  }

  private static Outcome train(String method, Map<String, Object> settings, UnaryOperator<Map<String, float[]>> judge) {
    List<ModuleInfo> modules = new ArrayList<>();
    for (int i = 0; i < PLANTED.length; i++) {
      modules.add(ModuleInfo.linear("module" + i, WIDTH, WIDTH, false));
    }
    Map<String, Object> all = new LinkedHashMap<>(settings);
    all.put("target_modules", modules.stream().map(ModuleInfo::name).toList());
    Adapter adapter = AdapterMethod.named(method).create(all, ModelDescription.of("planted", modules));
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis rows = builder.axis("rows", ROWS);
    Graph graph = builder.entry("accumulate");
    Value sum = null;
    for (ModuleInfo module : modules) {
      Value y = new Sites(graph, adapter).linear(module.name(), builder.input("x." + module.name(), Shape.of(rows, WIDTH)),
          WIDTH, false);
      sum = sum == null ? y : graph.add(sum, y);
    }
    Value target = builder.input("target", Shape.of(rows, WIDTH));
    Value rowLoss = graph.loss(Loss.MSE, sum, target);
    Value lossSum = builder.state("lossSum", Shape.vector(1));
    Value count = builder.state("count", Shape.vector(1));
    graph.addSum(rowLoss, lossSum);
    graph.countTargets(Loss.MSE, target, count);
    graph.backward(rowLoss);
    Graph apply = builder.entry("apply");
    Value report = builder.state("report", Shape.vector(3));
    Value hyper = builder.input("hyper", Shape.vector(4));
    adapter.recordBeforeUpdate(apply, count);
    apply.update(new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.0, 0.0), 0), hyper, lossSum, count, report);
    adapter.recordAfterUpdate(builder, report);
    builder.entry("clear").clearGradients(lossSum, count);
    try (CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(1));
        Executable e = backend.compile(builder.build(), CompileOptions.DEFAULT);
        AdapterValues values = new AdapterValues(adapter.parameters()).initialise(3)) {
      Optional<StepHook> hook = adapter.hook(STEPS).map(h -> new AdaLoraSteps((AdaLoraAdapter) adapter,
          ((AdaLoraAdapter) adapter).config().schedule(STEPS, PLANTED.length), judge));
      Random random = new Random(11);
      double[][][] update = teacher(random);
      for (ModuleInfo module : modules) {
        e.write(e.program().slot(module.name() + ".weight").orElseThrow(), new float[WIDTH * WIDTH], WIDTH * WIDTH);
      }
      for (AdapterParameter p : adapter.parameters()) {
        e.write(e.program().slot(p.slot()).orElseThrow(), values.get(p.slot()));
      }
      double last = 0;
      for (int step = 1; step <= STEPS; step++) {
        batch(e, update, random, target);
        e.run("accumulate");
        double rate = 0.03 * Math.min(1, 1.5 * (1 - (step - 1.0) / STEPS));
        e.write(hyper, new float[] {(float) rate, (float) rate, (float) (1 - Math.pow(0.9, step)), (float) (1 - Math.pow(0.999, step))}, 4);
        e.run("apply");
        last = e.floats(report)[0];
        int done = step;
        hook.ifPresent(h -> h.afterUpdate(e, done));
        e.run("clear");
      }
      return new Outcome(last, hook.flatMap(h -> h.ranks(e)).map(StepHook.Ranks::ofModule).orElse(Map.of()));
    }
  }

  /** Updates of the planted ranks, with orthogonal directions of length 1. */
  private static double[][][] teacher(Random random) {
    double[][][] updates = new double[PLANTED.length][WIDTH][WIDTH];
    for (int m = 0; m < PLANTED.length; m++) {
      double[][] left = orthonormal(random, PLANTED[m]);
      double[][] right = orthonormal(random, PLANTED[m]);
      for (int k = 0; k < PLANTED[m]; k++) {
        for (int i = 0; i < WIDTH; i++) {
          for (int j = 0; j < WIDTH; j++) {
            updates[m][i][j] += left[k][i] * right[k][j];
          }
        }
      }
    }
    return updates;
  }

  /** Gram and Schmidt. */
  private static double[][] orthonormal(Random random, int count) {
    double[][] directions = new double[count][];
    for (int k = 0; k < count; k++) {
      double[] v = random.doubles(WIDTH, -1, 1).toArray();
      for (int p = 0; p < k; p++) {
        double along = dot(v, directions[p]);
        for (int i = 0; i < WIDTH; i++) {
          v[i] -= along * directions[p][i];
        }
      }
      double norm = Math.sqrt(dot(v, v));
      directions[k] = java.util.Arrays.stream(v).map(x -> x / norm).toArray();
    }
    return directions;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  private static void batch(Executable e, double[][][] update, Random random, Value target) {
    float[] y = new float[ROWS * WIDTH];
    e.rows(e.program().axis("rows").orElseThrow(), ROWS);
    for (int m = 0; m < update.length; m++) {
      float[] x = new float[ROWS * WIDTH];
      for (int i = 0; i < x.length; i++) {
        x[i] = (float) random.nextGaussian();
      }
      for (int row = 0; row < ROWS; row++) {
        for (int i = 0; i < WIDTH; i++) {
          for (int j = 0; j < WIDTH; j++) {
            y[row * WIDTH + i] += (float) (update[m][i][j] * x[row * WIDTH + j]);
          }
        }
      }
      e.write(e.program().slot("x.module" + m).orElseThrow(), x, x.length);
    }
    e.write(target, y, y.length);
  }
}
