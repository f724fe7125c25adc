package io.github.lora4j.testkit.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.testkit.TestedBackends;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.ScalarFunction;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Preference objectives recorded from primitives are those of TRL, and their gradients those of the formula. */
class PreferenceLossTest {

  /** Sums of log-probabilities of two pairs, of the policy and of its reference, and TRL 1.13's losses of each. */
  private static final float[] CHOSEN = {-42.578827f, -49.372654f};
  private static final float[] REJECTED = {-55.944092f, -117.878815f};
  private static final float[] CHOSEN_REFERENCE = {-41.785831f, -48.110863f};
  private static final float[] REJECTED_REFERENCE = {-56.303062f, -118.069618f};

  @TestFactory
  Stream<DynamicTest> objectivesAreThoseOfTrl() {
    return TestedBackends.each(on -> Stream.of(
        trl(on, "sigmoid, beta 0.1", new float[] {0.75240314f, 0.76841217f}, delta -> logSigmoid(delta, 0.1, -1)),
        trl(on, "sigmoid, beta 0.5", new float[] {1.0220462f, 1.1208341f}, delta -> logSigmoid(delta, 0.5, -1)),
        trl(on, "hinge, beta 0.3", new float[] {1.3455887f, 1.4357784f}, delta -> g -> g.activate(Activation.RELU,
            g.shift(g.scale(delta, -0.3), 1))),
        trl(on, "robust, beta 0.3, label smoothing 0.2", new float[] {0.99599296f, 1.0798483f}, delta -> g -> g.add(
            logSigmoid(delta, 0.3, -0.8 / 0.6).of(g), logSigmoid(delta, -0.3, 0.2 / 0.6).of(g)))));
  }

  private interface Recording {
    Value of(Graph g);
  }

  private interface Objective {
    Recording of(Value delta);
  }

  /** factor · log σ(beta·Δ). */
  private static Recording logSigmoid(Value delta, double beta, double factor) {
    return g -> g.scale(g.apply(ScalarFunction.LOG_SIGMOID, g.scale(delta, beta)), factor);
  }

  private static DynamicTest trl(TestedBackends on, String name, float[] expected, Objective objective) {
    return DynamicTest.dynamicTest(name + " on " + on, () -> {
      ProgramBuilder builder = new ProgramBuilder();
      RowAxis pairs = builder.axis("pairs", 3);
      Map<String, float[]> given = Map.of("chosen", CHOSEN, "rejected", REJECTED, "chosen.reference", CHOSEN_REFERENCE, "rejected.reference",
          REJECTED_REFERENCE);
      Graph g = builder.entry("loss");
      Value[] ratios = Stream.of("chosen", "rejected").map(side -> g.subtract(builder.input(side, Shape.of(pairs, 1)),
          builder.input(side + ".reference", Shape.of(pairs, 1)))).toArray(Value[]::new);
      Value loss = g.output("loss", objective.of(g.subtract(ratios[0], ratios[1])).of(g));
      try (var backend = on.open(); Executable executable = backend.compile(builder.build(), CompileOptions.DEFAULT)) {
        executable.rows(pairs, 2);
        given.forEach((slot, values) -> executable.write(executable.program().slot(slot).orElseThrow(), values, 2));
        executable.run("loss");
        assertArrayEquals(expected, executable.floats(loss), 2e-5f);
      }
    });
  }

  private static final int VOCABULARY = 7;
  private static final int TOKENS = 9;
  private static final double BETA = 0.4;
  /** Answers of one pair; token 4 is of neither. */
  private static final int[] RANGES = {0, 4, 5, 4};
  private static final int[] LABELS = {3, -100, 0, 6, 2, 5, 5, -1, 1};

  /** From logits to the loss and back: Δ = Σ of chosen less Σ of rejected log-probabilities, L = −log σ(βΔ). */
  @TestFactory
  Stream<DynamicTest> lossAndGradientOfLogitsAreThoseOfTheFormula() {
    return TestedBackends.each(on -> Stream.of(DynamicTest.dynamicTest("on " + on, () -> {
      ProgramBuilder builder = new ProgramBuilder();
      Value logits = builder.trainable("logits", Shape.of(TOKENS, VOCABULARY), 0);
      Value labels = builder.table("labels", Shape.of(TOKENS, 1));
      Value ranges = builder.table("ranges", Shape.of(2, 2));
      Value sign = builder.input("sign", Shape.of(2, 1));
      Value both = builder.table("both", Shape.of(1, 2));
      Graph g = builder.entry("step");
      Value answers = g.rangeSum(g.logSoftmaxAt(logits, labels), ranges);
      Value delta = g.rangeSum(g.multiply(answers, sign), both);
      Value loss = g.output("loss", logSigmoid(delta, BETA, -1).of(g));
      g.backward(loss);
      Value gradient = builder.find("logits.grad").orElseThrow();
      float[] z = new float[TOKENS * VOCABULARY];
      Random random = new Random(1);
      IntStream.range(0, z.length).forEach(i -> z[i] = (float) (2 * random.nextGaussian()));
      double[] p = softmax(z);
      double expectedDelta = 0;
      for (int i = 0; i < TOKENS; i++) {
        expectedDelta += LABELS[i] < 0 ? 0 : side(i) * Math.log(p[i * VOCABULARY + LABELS[i]]);
      }
      double weight = -BETA / (1 + Math.exp(BETA * expectedDelta));
      float[] expected = new float[z.length];
      for (int i = 0; i < z.length; i++) {
        int label = LABELS[i / VOCABULARY];
        expected[i] = label < 0 ? 0 : (float) (weight * side(i / VOCABULARY) * ((i % VOCABULARY == label ? 1 : 0) - p[i]));
      }
      try (var backend = on.open(); Executable executable = backend.compile(builder.build(), CompileOptions.DEFAULT)) {
        executable.write(logits, z, z.length);
        executable.write(labels, LABELS, TOKENS);
        executable.write(ranges, RANGES, 4);
        executable.write(both, new int[] {0, 2}, 2);
        executable.write(sign, new float[] {1, -1}, 2);
        executable.write(gradient, new float[z.length], z.length);
        executable.run("step");
        assertEquals(Math.log1p(Math.exp(-BETA * expectedDelta)), executable.floats(loss)[0], 1e-5);
        assertArrayEquals(expected, executable.floats(gradient), 1e-6f);
      }
    })));
  }

  /** d(x·stop(x/2))/dx = x/2, where the derivative would be x. */
  @TestFactory
  Stream<DynamicTest> noGradientFlowsThroughWhatIsStopped() {
    return TestedBackends.each(on -> Stream.of(DynamicTest.dynamicTest("on " + on, () -> {
      ProgramBuilder builder = new ProgramBuilder();
      Value x = builder.trainable("x", Shape.of(3, 1), 0);
      Graph g = builder.entry("step");
      g.backward(g.multiply(x, g.stopGradient(g.scale(x, 0.5))));
      Value gradient = builder.find("x.grad").orElseThrow();
      try (var backend = on.open(); Executable executable = backend.compile(builder.build(), CompileOptions.DEFAULT)) {
        executable.write(x, new float[] {1, -2, 6}, 3);
        executable.write(gradient, new float[3], 3);
        executable.run("step");
        assertArrayEquals(new float[] {0.5f, -1, 3}, executable.floats(gradient));
      }
    })));
  }

  private static int side(int token) {
    return token < 4 ? 1 : token > 4 ? -1 : 0;
  }

  private static double[] softmax(float[] z) {
    double[] p = new double[z.length];
    for (int row = 0; row < TOKENS; row++) {
      int from = row * VOCABULARY;
      double sum = IntStream.range(from, from + VOCABULARY).mapToDouble(i -> Math.exp(z[i])).sum();
      IntStream.range(from, from + VOCABULARY).forEach(i -> p[i] = Math.exp(z[i]) / sum);
    }
    return p;
  }
}
