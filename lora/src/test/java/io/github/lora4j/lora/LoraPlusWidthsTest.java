package io.github.lora4j.lora;

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
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The toy model of the LoRA+ paper (Hayou et al. 2024, sections 3 and 4): y = (W + s·BA)x with one output and inputs of size 1, trained
 * by Adam
 * for a fixed number of steps on a grid of both rates.
 *
 * <p>The loss alone does not tell the ratio: every pair with η_A·η_B·n about constant fits. What sets one apart is the paper's other
 * condition,
 * that the features Ax stay of size 1 (its definition of stability); among those pairs the best ratio η_B / η_A must grow with the width
 * n. With
 * one rate for both, the best fit must come with features that grow with the width.
 */
final class LoraPlusWidthsTest {

  private static final int[] WIDTHS = {64, 256, 1024, 4096};
  private static final int ROWS = 16;
  private static final int RANK = 4;
  private static final int STEPS = 12;
  private static final int SEEDS = 8;
  /** Powers of two: A's rates from 2⁻¹⁵ to 2⁻³, B's from 2⁻⁹ to 2¹. */
  private static final int[] A_RATES = {-15, -13, -11, -9, -7, -5, -3};
  private static final int[] B_RATES = {-9, -7, -5, -3, -1, 1};

  /** How far features may move: they start at 0.6. */
  private static final double STABLE = 2;

  /** Mean logarithm of the loss over all steps, that is how fast it fell, and mean size of how A's features moved, at two powers of two. */
  private record Point(int a, int b, double loss, double moved) {
    int ratio() {
      return b - a;
    }
  }

  @Test
  void theBestRatioGrowsWithTheWidth() {
    List<Point> best = new ArrayList<>();
    List<Point> oneRate = new ArrayList<>();
    for (int width : WIDTHS) {
      List<Point> grid = grid(width);
      best.add(least(grid.stream().filter(p -> p.moved <= STABLE)));
      oneRate.add(least(grid.stream().filter(p -> p.ratio() == 0)));
    }
    // In theory by as much as the width, 2⁶ from end to end.
    for (int i = 1; i < WIDTHS.length; i++) {
      assertTrue(best.get(i).ratio() >= best.get(i - 1).ratio(), "best rates by width: " + best);
    }
    assertTrue(best.getLast().ratio() - best.getFirst().ratio() >= 4, "best rates by width: " + best);
    // In theory by the root of 64; neighbours of the grid lie a factor of 4 apart, so each end is known to a factor of 2.
    assertTrue(oneRate.getLast().moved > 2 * oneRate.getFirst().moved && oneRate.getLast().moved > 4 * STABLE,
        "best single rates by width: " + oneRate);
  }

  private static Point least(Stream<Point> points) {
    return points.min(Comparator.comparingDouble(Point::loss)).orElseThrow();
  }

  /** Every pair of rates over several draws of data and of A. */
  private static List<Point> grid(int width) {
    Adapter adapter = AdapterMethod.named("lora+").create(Map.of("r", RANK, "lora_alpha", RANK, "target_modules", List.of("fc")),
        ModelDescription.of("toy", List.of(ModuleInfo.linear("fc", width, 1, false))));
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis rows = builder.axis("rows", ROWS);
    Graph graph = builder.entry("accumulate");
    Value x = builder.input("x", Shape.of(rows, width));
    Value y = new Sites(graph, adapter).linear("fc", x, 1, false);
    Value target = builder.input("target", Shape.of(rows, 1));
    Value rowLoss = graph.loss(Loss.MSE, y, target);
    Value lossSum = builder.state("lossSum", Shape.vector(1));
    Value count = builder.state("count", Shape.vector(1));
    graph.addSum(rowLoss, lossSum);
    graph.countTargets(Loss.MSE, target, count);
    graph.backward(rowLoss);
    Value report = builder.state("report", Shape.vector(3));
    Value hyper = builder.input("hyper", Shape.vector(adapter.groups().size() + 2));
    builder.entry("apply").update(new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.0, 0.0, 0.0, 0.0), 0), hyper,
        lossSum,
        count, report);
    builder.entry("clear").clearGradients(lossSum, count);
    List<Point> points = new ArrayList<>();
    try (CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(1))) {
      for (int a : A_RATES) {
        for (int b : B_RATES) {
          double sum = 0;
          double moved = 0;
          for (int seed = 1; seed <= SEEDS; seed++) {
            try (Executable e = backend.compile(builder.build(), CompileOptions.DEFAULT);
                AdapterValues values = new AdapterValues(adapter.parameters()).initialise(seed)) {
              e.rows(e.program().axis("rows").orElseThrow(), ROWS);
              Random random = new Random(seed);
              float[] inputs = normal(random, ROWS * width);
              e.write(x, inputs, inputs.length);
              e.write(target, normal(random, ROWS), ROWS);
              e.write(e.program().slot("fc.weight").orElseThrow(), new float[width], width);
              for (AdapterParameter p : adapter.parameters()) {
                e.write(e.program().slot(p.slot()).orElseThrow(), values.get(p.slot()));
              }
              sum += train(e, adapter, hyper, report, Math.pow(2, a), Math.pow(2, b));
              moved += moved(inputs, values.get("fc.lora_A.weight"), e.floats(e.program().slot("fc.lora_A.weight").orElseThrow()));
            }
          }
          points.add(new Point(a, b, sum / SEEDS, moved / SEEDS));
        }
      }
    }
    return points;
  }

  private static double train(Executable e, Adapter adapter, Value hyper, Value report, double a, double b) {
    float[] values = new float[adapter.groups().size() + 2];
    for (AdapterParameter p : adapter.parameters()) {
      values[p.group()] = (float) (p.slot().contains("lora_B") ? b : a);
    }
    double sum = 0;
    for (int step = 1; step <= STEPS; step++) {
      values[values.length - 2] = (float) (1 - Math.pow(0.9, step));
      values[values.length - 1] = (float) (1 - Math.pow(0.999, step));
      e.run("accumulate");
      e.write(hyper, values, values.length);
      e.run("apply");
      sum += Math.log(e.floats(report)[0]);
      e.run("clear");
    }
    return sum / STEPS;
  }

  /** Root mean square of (A - A₀)x over the batch. */
  private static double moved(float[] x, MemorySegment before, float[] after) {
    int width = after.length / RANK;
    double squares = 0;
    for (int row = 0; row < ROWS; row++) {
      for (int k = 0; k < RANK; k++) {
        double z = 0;
        for (int j = 0; j < width; j++) {
          z += x[row * width + j] * (after[k * width + j] - before.getAtIndex(ValueLayout.JAVA_FLOAT, (long) k * width + j));
        }
        squares += z * z;
      }
    }
    return Math.sqrt(squares / (ROWS * RANK));
  }

  private static float[] normal(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
