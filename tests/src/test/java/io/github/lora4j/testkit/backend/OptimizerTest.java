package io.github.lora4j.testkit.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.OptimizerSpec.Kind;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.Workers;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;

/** The optimizer step against the update rules written down plainly, in double, as PyTorch's documentation states them. */
class OptimizerTest {

  private static final int[] SIZES = {1, 7, 48, 100, 40_000};
  private static final double[] RATES = {1e-2, 3e-3};
  private static final double[] DECAY = {0.1, 0};

  /** One trainable in plain Java. */
  private static final class Plain {
    final int group;
    final double[] theta;
    final double[] m;
    final double[] v;
    final double[] max;

    Plain(int group, float[] start) {
      this.group = group;
      theta = new double[start.length];
      m = new double[start.length];
      v = new double[start.length];
      max = new double[start.length];
      for (int i = 0; i < start.length; i++) {
        theta[i] = start[i];
      }
    }

    void step(Kind kind, int t, int i, double g, double lr) {
      double decay = DECAY[group];
      if (kind == Kind.SGD) {
        m[i] = 0.9 * m[i] + g + decay * theta[i];
        theta[i] -= lr * m[i];
        return;
      }
      if (kind == Kind.LORAFA) {
        m[i] = 0.9 * m[i] + 0.1 * g;
        v[i] = 0.99 * v[i] + 0.01 * g * g;
        theta[i] -= lr * Math.sqrt(1 - Math.pow(0.99, t)) / (1 - Math.pow(0.9, t)) * m[i] / (Math.sqrt(v[i]) + 1e-8);
        theta[i] -= lr * decay * theta[i];
        return;
      }
      if (kind != Kind.ADAM) {
        theta[i] -= lr * decay * theta[i];
      } else {
        g += decay * theta[i];
      }
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.99 * v[i] + 0.01 * g * g;
      max[i] = kind == Kind.AMSGRAD ? Math.max(max[i], v[i]) : v[i];
      theta[i] -= lr * (m[i] / (1 - Math.pow(0.9, t))) / (Math.sqrt(max[i] / (1 - Math.pow(0.99, t))) + 1e-8);
    }
  }

  private static Program program(OptimizerSpec spec) {
    ProgramBuilder b = new ProgramBuilder();
    for (int i = 0; i < SIZES.length; i++) {
      b.trainable("p" + i, Shape.vector(SIZES[i]), i % 2);
    }
    b.entry("apply").optimizerStep(spec, b.input("hyper", Shape.vector(4)), b.state("lossSum", Shape.vector(1)), b.state("count", Shape.vector(1)),
        b.state("report", Shape.vector(3)));
    return b.build();
  }

  private static OptimizerSpec spec(Kind kind, double maxNorm) {
    return new OptimizerSpec(kind, 0.9, 0.99, 1e-8, List.of(DECAY[0], DECAY[1]), maxNorm);
  }

  private static void with(Kernels kernels, OptimizerSpec spec, BiConsumer<Program, Executable> body) {
    Program program = program(spec);
    try (Workers workers = new Workers(3); Executable executable = new CpuBackend(kernels, workers).compile(program, CompileOptions.DEFAULT)) {
      body.accept(program, executable);
    }
  }

  @Test
  void stepsAreThoseOfTheFormulas() {
    for (Kernels kernels : List.of(KernelProvider.select("vector"), new ReferenceKernels(DType.F64))) {
      for (Kind kind : Kind.values()) {
        for (double maxNorm : new double[] {0, 0.5, 1e6}) {
          with(kernels, spec(kind, maxNorm), (program, executable) -> follow(program, executable, kind, maxNorm));
        }
      }
    }
  }

  private static void follow(Program program, Executable executable, Kind kind, double maxNorm) {
    Random random = new Random(5);
    List<ParameterLayout.Range> ranges = program.parameters().ranges();
    List<Plain> plain = ranges.stream().map(range -> {
      float[] start = gaussian(random, (int) range.length(), 1);
      executable.write(range.value(), start, start.length);
      return new Plain(range.group(), start);
    }).toList();
    for (int t = 1; t <= 4; t++) {
      double count = 3 + t;
      float[][] sums = new float[ranges.size()][];
      double squares = 0;
      for (int p = 0; p < sums.length; p++) {
        sums[p] = gaussian(random, (int) ranges.get(p).length(), 2);
        executable.write(ranges.get(p).gradient(), sums[p], sums[p].length);
        for (float g : sums[p]) {
          squares += g / count * (g / count);
        }
      }
      write(executable, "lossSum", 10.5f * t);
      write(executable, "count", (float) count);
      write(executable, "hyper", (float) RATES[0], (float) RATES[1], (float) (1 - Math.pow(0.9, t)), (float) (1 - Math.pow(0.99, t)));
      executable.run("apply");
      double norm = Math.sqrt(squares);
      double clip = maxNorm == 0 ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
      float[] report = executable.floats(program.slot("report").orElseThrow());
      assertEquals(10.5 * t / count, report[0], 1e-5);
      assertEquals(norm, report[1], 1e-5 * norm);
      for (int p = 0; p < sums.length; p++) {
        Plain one = plain.get(p);
        float[] got = executable.floats(ranges.get(p).value());
        for (int i = 0; i < got.length; i++) {
          one.step(kind, t, i, sums[p][i] / count * clip, RATES[one.group]);
          assertEquals(one.theta[i], got[i], 3e-6 * Math.max(1, Math.abs(one.theta[i])), kind + " step " + t + " p" + p + "[" + i + "]");
        }
        assertArrayEquals(new float[got.length], executable.floats(ranges.get(p).gradient()), "gradients are zero for the next step");
      }
      assertEquals(0, executable.floats(program.slot("lossSum").orElseThrow())[0]);
      assertEquals(0, executable.floats(program.slot("count").orElseThrow())[0]);
    }
  }

  /** Adam's first step is the learning rate times the sign of the gradient, whatever its size. */
  @Test
  void theFirstAdamStepIsTheLearningRate() {
    with(KernelProvider.select("vector"), spec(Kind.ADAM, 0), (program, executable) -> {
      Value p = program.slot("p3").orElseThrow();
      float[] gradient = gaussian(new Random(2), 100, 1e-3);
      executable.write(program.slot("p3.grad").orElseThrow(), gradient, 100);
      write(executable, "count", 1);
      write(executable, "hyper", 0.01f, 0.01f, 0.1f, 0.01f);
      executable.run("apply");
      float[] after = executable.floats(p);
      for (int i = 0; i < 100; i++) {
        if (Math.abs(gradient[i]) > 1e-5) {
          assertEquals(-0.01 * Math.signum(gradient[i]), after[i], 2e-5);
        }
      }
    });
  }

  @Test
  void withoutTargetsOrWithoutFiniteGradientsNothingMoves() {
    for (Map.Entry<Float, Float> bad : List.of(Map.entry(0f, 1f), Map.entry(2f, Float.NaN), Map.entry(2f, Float.POSITIVE_INFINITY))) {
      with(KernelProvider.select("vector"), spec(Kind.ADAMW, 1), (program, executable) -> {
        Value p = program.slot("p1").orElseThrow();
        float[] start = gaussian(new Random(3), 7, 1);
        executable.write(p, start, 7);
        executable.write(program.slot("p1.grad").orElseThrow(), new float[] {bad.getValue()}, 1);
        write(executable, "count", bad.getKey());
        write(executable, "hyper", 0.01f, 0.01f, 0.1f, 0.01f);
        executable.run("apply");
        assertArrayEquals(start, executable.floats(p));
        assertArrayEquals(new float[7], executable.floats(program.slot("p1.grad").orElseThrow()));
      });
    }
  }

  @Test
  void everyGroupNeedsItsDecay() {
    assertThrows(ConfigException.class, () -> {
      ProgramBuilder b = new ProgramBuilder();
      b.trainable("p", Shape.vector(2), 2);
      OptimizerSpec spec = spec(Kind.SGD, 0);
      b.entry("apply").optimizerStep(spec, b.input("hyper", Shape.vector(4)), b.state("lossSum", Shape.vector(1)),
          b.state("count", Shape.vector(1)), b.state("report", Shape.vector(3)));
      try (Workers workers = new Workers(1)) {
        new CpuBackend(KernelProvider.select("vector"), workers).compile(b.build(), CompileOptions.DEFAULT).close();
      }
    });
  }

  private static void write(Executable executable, String slot, float... values) {
    executable.write(executable.program().slot(slot).orElseThrow(), values, values.length);
  }

  private static float[] gaussian(Random random, int length, double scale) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) (scale * random.nextGaussian());
    }
    return values;
  }
}
