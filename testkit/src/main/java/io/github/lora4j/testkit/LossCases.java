package io.github.lora4j.testkit;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.LossOp;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.ScalarFunction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** What losses are made of, and losses that are recordings of it: {@link Graph#backward} from values of one column of all kinds. */
public final class LossCases {

  private static final int TOKENS = 43;
  private static final int PAIRS = 4;
  private static final int VOCABULARY = 11;
  private static final int LENGTH = 200;
  private static final double BETA = 0.3;

  private LossCases() {}

  /** All of them. */
  public static List<TestProgram> all() {
    List<TestProgram> cases = new ArrayList<>();
    cases.add(OpCases.twice("shift", 7, (p, x) -> p.graph().shift(x, 0.7)));
    cases.add(OpCases.twice("subtract", 7, (p, x) -> p.graph().subtract(p.graph().activate(Activation.TANH, x), x)));
    cases.add(OpCases.twice("row dots", 17, (p, x) -> p.graph().rowDots(x, p.graph().activate(Activation.TANH, x))));
    for (int cols : new int[] {1, 7, 33}) {
      cases.add(OpCases.twice("rows scaled, " + cols, cols, (p, x) -> p.graph().scaleRows(x, p.graph().rowDots(x, p.graph().shift(x, 1)))));
    }
    for (ScalarFunction f : ScalarFunction.values()) {
      cases.add(OpCases.twice(f.name(), 7, (p, x) -> p.graph().apply(f, f == ScalarFunction.LOG_ONE_MINUS_EXP ? below(p.graph(), x) : x)));
    }
    for (int cols : new int[] {1, 17}) {
      cases.add(new TestProgram("range sum, " + cols, TOKENS, p -> {
        RowAxis tokens = p.axis("tokens", TOKENS);
        return p.mse(p.graph().rangeSum(p.probe("x", Shape.of(tokens, cols)), Tables.ranges(p, "ranges", p.axis("pieces", 2 * PAIRS), tokens)));
      }));
    }
    for (int picks : new int[] {1, 3}) {
      for (int cols : new int[] {1, VOCABULARY, 100}) {
        cases.add(new TestProgram("log-softmax at %d of %d columns".formatted(picks, cols), cols, p -> {
          Value logits = p.probe("logits", Shape.of(p.axis("tokens", TOKENS), cols));
          return p.mse(p.graph().logSoftmaxAt(p.graph().scale(logits, 3), labels(p, "columns", picks, cols)));
        }));
      }
    }
    vocabularies(cases);
    starts(cases);
    preferences(cases);
    return cases;
  }

  /** Programs through parts of which no gradient flows, so that it is no derivative. */
  public static List<TestProgram> stopped() {
    return List.of(OpCases.twice("a stopped gradient", 7, (p, x) -> p.graph().multiply(x, p.graph().stopGradient(p.graph().scale(x, 0.5)))),
        new TestProgram("KTO", LENGTH, p -> {
          Graph g = p.graph();
          Value ratio = g.subtract(g.rangeSum(logp(p), answers(p)), reference(p));
          Value baseline = g.stopGradient(g.activate(Activation.RELU, ratio));
          Value gain = g.activate(Activation.SIGMOID, g.scale(g.subtract(ratio, baseline), BETA));
          return g.shift(g.scale(gain, -0.7), 0.7);
        }));
  }

  /** Numbers below 0, as logarithms of probabilities are, not too close to it for differences. */
  private static Value below(Graph g, Value x) {
    return g.shift(g.scale(g.multiply(x, x), -1), -0.5);
  }

  /** Log-probabilities of labels without whole logits: fewer words than a chunk, more, and rows of more than one block. */
  private static void vocabularies(List<TestProgram> cases) {
    for (LossOp.Logits logits : new LossOp.Logits[] {LossOp.Logits.PLAIN, new LossOp.Logits(0.4, 0), new LossOp.Logits(1.7, 2.5)}) {
      for (int[] size : new int[][] {{TOKENS, 2, 5}, {TOKENS, VOCABULARY, 33}, {TOKENS, 1601, 7}, {600, 49, 4}}) {
        cases.add(new TestProgram("labels of %d words from %d columns of %d rows, %s".formatted(size[1], size[2], size[0], logits), size[1], p -> {
          RowAxis tokens = p.axis("tokens", size[0]);
          Value x = p.graph().scale(p.probe("x", Shape.of(tokens, size[2])), 2);
          Value product = p.graph().linear(x, p.frozen("words", Shape.of(size[1], size[2])));
          LossOp.Labelled y = p.graph().labelled(product, labels(p, "ids", tokens, 1, size[1]), logits);
          p.output("likeliest", y.likeliest());
          return p.mse(y.logProbability());
        }));
      }
    }
    for (int[] size : new int[][] {{TOKENS, 2, 5}, {TOKENS, 1601, 7}, {600, 49, 4}}) {
      cases.add(new TestProgram("labels of %d words with a bias from %d columns of %d rows".formatted(size[1], size[2], size[0]), size[1], p -> {
        RowAxis tokens = p.axis("tokens", size[0]);
        Value x = p.graph().scale(p.probe("x", Shape.of(tokens, size[2])), 2);
        Value product = p.graph().linear(x, p.frozen("words", Shape.of(size[1], size[2])), p.frozen("bias", Shape.vector(size[1])));
        LossOp.Labelled y = p.graph().labelled(product, labels(p, "ids", tokens, 1, size[1]), LossOp.Logits.PLAIN);
        p.output("likeliest", y.likeliest());
        return p.mse(y.logProbability());
      }));
    }
    cases.add(new TestProgram("labels of words that train", VOCABULARY, p -> {
      Value x = p.probe("x", Shape.of(p.axis("tokens", TOKENS), 5));
      Value product = p.graph().linear(x, p.trainable("words", Shape.of(VOCABULARY, 5)));
      LossOp.Labelled y = p.graph().labelled(product, labels(p, "ids", 1, VOCABULARY), new LossOp.Logits(1.7, 2.5));
      p.output("likeliest", y.likeliest());
      return p.mse(p.graph().split(p.graph().join(List.of(y.logProbability(), y.likeliest())), 2).getFirst());
    }));
    cases.add(new TestProgram("words that are looked up too", VOCABULARY, p -> {
      Value ids = Tables.ids(p, "ids", p.axis("tokens", TOKENS), 61);
      Value words = p.frozen("words", Shape.of(61, 33));
      Value x = p.graph().embedding(words, ids, p.probe("x", Shape.of(p.axis("tokens", TOKENS), 33)));
      return p.mse(p.graph().labelled(p.graph().linear(x, words), labels(p, "next", 1, 61), LossOp.Logits.PLAIN).logProbability());
    }));
  }

  /** Gradients that start elsewhere than at a loss, or reach one with other weights than 1. */
  private static void starts(List<TestProgram> cases) {
    cases.add(new TestProgram("backward from squares", 17, p -> {
      Value x = p.probe("x", Shape.of(p.axis("a", TOKENS), 17));
      return p.graph().rowDots(x, x);
    }));
    cases.add(new TestProgram("backward from a value that is added to itself", 17, p -> {
      Value x = p.probe("x", Shape.of(p.axis("a", TOKENS), 17));
      Value y = p.graph().linear(x, p.trainable("w", Shape.of(1, 17)));
      return p.graph().add(y, y);
    }));
    for (Loss loss : Loss.values()) {
      cases.add(new TestProgram("weighted rows of " + loss, VOCABULARY, p -> {
        Shape shape = Shape.of(p.axis("tokens", TOKENS), VOCABULARY);
        Value x = p.probe("x", shape);
        Value rows = p.graph().loss(loss, x, loss == Loss.CROSS_ENTROPY ? labels(p, "classes", 1, VOCABULARY)
            : p.input("labels", shape, () -> p.random().nextInt(2)));
        return p.graph().multiply(rows, p.input("weights", shape.withCols(1)));
      }));
    }
    cases.add(new TestProgram("two losses", VOCABULARY, p -> {
      Shape shape = Shape.of(p.axis("tokens", TOKENS), VOCABULARY);
      Value x = p.probe("x", shape);
      Value first = p.graph().loss(Loss.CROSS_ENTROPY, x, labels(p, "classes", 1, VOCABULARY));
      return p.graph().add(first, p.graph().scale(p.graph().loss(Loss.MSE, x, p.input("labels", shape)), 0.25));
    }));
    cases.add(new TestProgram("weighted in-batch negatives", TOKENS, p -> {
      Shape shape = Shape.of(p.axis("a", TOKENS), 17);
      Value rows = p.graph().inBatchNegatives(p.probe("q", shape), p.probe("d", shape), 0.7);
      return p.graph().multiply(rows, p.input("weights", shape.withCols(1)));
    }));
  }

  private static Value labels(TestProgram p, String name, int picks, int cols) {
    return labels(p, name, p.axis("tokens", TOKENS), picks, cols);
  }

  private static Value labels(TestProgram p, String name, RowAxis tokens, int picks, int cols) {
    return p.table(name, Shape.of(tokens, picks), live -> {
      int[] labels = new Random(5).ints((long) live.of(tokens) * picks, 0, cols).toArray();
      for (int i = 2; i < labels.length; i += 5) {
        labels[i] = -100;
      }
      return labels;
    });
  }

  /** Preference objectives of Δ, the margin of log-ratios between the answer chosen and the one rejected. */
  private static void preferences(List<TestProgram> cases) {
    cases.add(preference("DPO", true, false, (g, delta) -> g.scale(g.apply(ScalarFunction.LOG_SIGMOID, g.scale(delta, BETA)), -1)));
    cases.add(preference("IPO", true, true, (g, delta) -> {
      Value off = g.shift(delta, -1 / (2 * BETA));
      return g.multiply(off, off);
    }));
    cases.add(preference("hinge", true, false, (g, delta) -> g.activate(Activation.RELU, g.shift(g.scale(delta, -BETA), 1))));
    cases.add(preference("robust DPO", true, false, (g, delta) -> g.add(g.scale(g.apply(ScalarFunction.LOG_SIGMOID, g.scale(delta, BETA)),
        -0.9 / 0.8), g.scale(g.apply(ScalarFunction.LOG_SIGMOID, g.scale(delta, -BETA)), 0.1 / 0.8))));
    cases.add(preference("SimPO", false, true, (g, delta) -> g.scale(g.apply(ScalarFunction.LOG_SIGMOID, g.shift(g.scale(delta, 2), -0.5)), -1)));
    cases.add(new TestProgram("ORPO", LENGTH, p -> {
      Graph g = p.graph();
      Value mean = g.rangeMean(logp(p), answers(p));
      // Ranges without tokens have mean 0, whose odds are infinite.
      Value odds = g.shift(mean, -0.1);
      odds = g.subtract(odds, g.apply(ScalarFunction.LOG_ONE_MINUS_EXP, odds));
      Value ratio = g.apply(ScalarFunction.LOG_SIGMOID, g.subtract(half(p, odds, 0), half(p, odds, 1)));
      return g.subtract(g.scale(half(p, mean, 0), -1), g.scale(ratio, BETA));
    }));
    cases.add(new TestProgram("distillation from the likeliest columns", LENGTH, p -> {
      Graph g = p.graph();
      Value logits = p.probe("logits", Shape.of(p.axis("tokens", TOKENS), VOCABULARY));
      Value student = g.logSoftmaxAt(logits, labels(p, "likeliest", 3, VOCABULARY));
      return g.scale(g.rowDots(student, p.input("teacher", student.shape(), () -> p.random().nextDouble() / 3)), -1);
    }));
  }

  /** The recording of an objective from its margin. */
  @FunctionalInterface
  private interface Objective {
    Value of(Graph g, Value delta);
  }

  private static TestProgram preference(String name, boolean reference, boolean mean, Objective objective) {
    return new TestProgram(name, LENGTH, p -> {
      Graph g = p.graph();
      Value answers = mean ? g.rangeMean(logp(p), answers(p)) : g.rangeSum(logp(p), answers(p));
      Value ratios = reference ? g.subtract(answers, reference(p)) : answers;
      return objective.of(g, g.subtract(half(p, ratios, 0), half(p, ratios, 1)));
    });
  }

  /** Log-probabilities of tokens, 0 where one is not labelled. */
  private static Value logp(TestProgram p) {
    Value x = p.probe("hidden", Shape.of(p.axis("tokens", TOKENS), 5));
    Value logits = p.graph().linear(x, p.trainable("head", Shape.of(VOCABULARY, 5)));
    return p.graph().logSoftmaxAt(logits, labels(p, "labels", 1, VOCABULARY));
  }

  private static Value answers(TestProgram p) {
    return Tables.ranges(p, "answers", p.axis("sequences", 2 * PAIRS), p.axis("tokens", TOKENS));
  }

  private static Value reference(TestProgram p) {
    return p.input("reference", Shape.of(p.axis("sequences", 2 * PAIRS), 1));
  }

  /** Every other row, from this one on. */
  private static Value half(TestProgram p, Value x, int which) {
    RowAxis pairs = p.axis("pairs", PAIRS);
    RowAxis sequences = p.axis("sequences", 2 * PAIRS);
    Value ids = p.table("half" + which, Shape.of(pairs, 1), live -> {
      int[] table = new int[live.of(pairs)];
      Arrays.setAll(table, i -> 2 * i + which < live.of(sequences) ? 2 * i + which : -1);
      return table;
    });
    Value inverse = p.table("half" + which + ".inverse", Shape.of(sequences, 1), live -> {
      int[] table = new int[live.of(sequences)];
      Arrays.setAll(table, i -> i % 2 == which && i / 2 < live.of(pairs) ? i / 2 : -1);
      return table;
    });
    return p.graph().gather(x, ids, inverse);
  }
}
