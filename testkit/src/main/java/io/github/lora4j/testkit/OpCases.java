package io.github.lora4j.testkit;

import io.github.lora4j.graph.Convolution;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Loss;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;

/** A program for every op, forward and backward, each used on two row axes whose live counts differ. */
public final class OpCases {

  private static final int[] SIZES = {1, 2, 7, 17, 33, 48, 49, 100};
  private static final int A = 37;
  private static final int B = 21;

  private OpCases() {}

  /** All of them. */
  public static List<TestProgram> all() {
    List<TestProgram> cases = new ArrayList<>();
    linear(cases);
    rows(cases);
    elementwise(cases);
    losses(cases);
    return cases;
  }

  /** Applies the op to a probe on each of two axes and joins the results. */
  static TestProgram twice(String name, int cols, BiFunction<TestProgram, Value, Value> op) {
    return twice(name, cols, A, B, op);
  }

  private static TestProgram twice(String name, int cols, int a, int b, BiFunction<TestProgram, Value, Value> op) {
    return new TestProgram(name, Math.max(cols, a), p -> {
      Value x = p.output("a", op.apply(p, p.probe("xa", Shape.of(p.axis("a", a), cols))));
      Value y = p.output("b", op.apply(p, p.probe("xb", Shape.of(p.axis("b", b), cols))));
      return p.mse(Tables.join(p, x, y));
    });
  }

  private static void linear(List<TestProgram> cases) {
    for (int i = 0; i < SIZES.length; i++) {
      int in = SIZES[i];
      int out = SIZES[(i + 3) % SIZES.length];
      cases.add(twice("linear, trainable, %d to %d".formatted(in, out), in, (p, x) ->
          p.graph().linear(x, p.trainable("w", Shape.of(out, in)), p.trainable("bias", Shape.vector(out)))));
      cases.add(twice("linear, frozen, %d to %d".formatted(in, out), in, (p, x) ->
          p.graph().linear(x, p.frozen("w", Shape.of(out, in)), p.frozen("bias", Shape.vector(out)))));
    }
    for (int i = 0; i < SIZES.length; i++) {
      int in = SIZES[i];
      int out = SIZES[(i + 3) % SIZES.length];
      cases.add(twice("linear the other way round, trainable, %d to %d".formatted(in, out), in, (p, x) ->
          p.graph().linearTransposed(x, p.trainable("w", Shape.of(in, out)))));
      cases.add(twice("linear the other way round, frozen, %d to %d".formatted(in, out), in, (p, x) ->
          p.graph().linearTransposed(x, p.frozen("w", Shape.of(in, out)), -0.6)));
    }
    cases.add(twice("linear the other way round, scaled, that adds its own input", 33, (p, x) ->
        p.graph().linearTransposedOnto(x, p.trainable("w", Shape.of(33, 33)), x, -1.7)));
    cases.add(twice("a weight both ways round", 33, (p, x) -> {
      Value w = p.trainable("w", Shape.of(33, 7));
      return p.graph().linear(p.graph().linearTransposed(x, w), w);
    }));
    cases.add(twice("linear without bias", 17, (p, x) -> p.graph().linear(x, p.trainable("w", Shape.of(7, 17)))));
    cases.add(twice("linear, scaled, with addend", 33, (p, x) -> p.graph().linearOnto(x, p.trainable("w", Shape.of(33, 33)),
        p.graph().scale(x, 0.5), -1.7)));
    cases.add(twice("linear that adds its own input", 33, (p, x) -> p.graph().linearOnto(x, p.frozen("w", Shape.of(33, 33)), x, 2)));
    cases.add(twice("LoRA", 48, (p, x) -> {
      Value y = p.graph().linear(x, p.frozen("w", Shape.of(17, 48)), p.frozen("bias", Shape.vector(17)));
      Value h = p.graph().linear(x, p.trainable("lora_A", Shape.of(3, 48)));
      return p.graph().linearOnto(h, p.trainable("lora_B", Shape.of(17, 3)), y, 1.5);
    }));
  }

  /** Spans that do not overlap, alternating between two columns. */
  private static int[] spans(int count, int rows) {
    int[] table = new int[3 * count];
    int half = (count + 1) / 2;
    for (int i = 0; i < count; i++) {
      int first = i / 2 * rows / half;
      table[3 * i] = first;
      table[3 * i + 1] = (i / 2 + 1) * rows / half - first;
      table[3 * i + 2] = i % 2;
    }
    return table;
  }

  private static void rows(List<TestProgram> cases) {
    for (int cols : new int[] {1, 7, 48}) {
      cases.add(new TestProgram("embedding, trainable, " + cols, A, p -> {
        Value ids = Tables.ids(p, "ids", p.axis("a", A), 11);
        return p.mse(p.graph().embedding(p.trainable("table", Shape.of(11, cols)), ids));
      }));
      cases.add(new TestProgram("embedding, frozen, plus addend, " + cols, 1, p -> {
        Value ids = Tables.ids(p, "ids", p.axis("a", A), 11);
        return p.mse(p.graph().embedding(p.frozen("table", Shape.of(11, cols)), ids,
            p.probe("x", Shape.of(p.axis("a", A), cols))));
      }));
    }
    // Of two columns the gradient is a difference that cancels to nothing, which F32 cannot show.
    for (int cols : new int[] {3, 7, 33, 100}) {
      cases.add(twice("layer norm, trainable, " + cols, cols, (p, x) -> p.graph().layerNorm(x, p.trainable("gamma", Shape.vector(cols)),
          p.trainable("beta", Shape.vector(cols)), 1e-5)));
    }
    cases.add(twice("layer norm, only beta trains", 17, (p, x) -> p.graph().layerNorm(x, p.frozen("gamma", Shape.vector(17)),
        p.trainable("beta", Shape.vector(17)), 1e-12)));
    cases.add(twice("layer norm, frozen, beside a residual", 17, (p, x) -> p.graph().add(x,
        p.graph().layerNorm(x, p.frozen("gamma", Shape.vector(17)), p.frozen("beta", Shape.vector(17)), 1e-5))));
    for (int cols : new int[] {3, 7, 33, 100}) {
      cases.add(twice("rms norm, trainable, " + cols, cols, (p, x) -> p.graph().rmsNorm(x, p.trainable("gamma", Shape.vector(cols)), 1e-5)));
    }
    for (int cols : new int[] {3, 51}) {
      cases.add(twice("split in 3, one part twice, " + cols, cols, (p, x) -> {
        List<Value> parts = p.graph().split(x, 3);
        return p.graph().add(p.graph().multiply(parts.get(0), parts.get(1)), p.graph().add(parts.get(2), parts.get(0)));
      }));
    }
    for (Convolution c : List.of(new Convolution(3, List.of(3), List.of(2), List.of(1), List.of(2), 1), new Convolution(1, List.of(2, 3),
        List.of(1, 2), List.of(1, 0), List.of(1, 1), 1), new Convolution(17, List.of(1), List.of(3), List.of(0), List.of(1), 1))) {
      int[] sizes = c.kernel().size() == 1 ? new int[] {11} : new int[] {4, 5};
      int[] indices = c.indices(2, sizes);
      int[] inverse = c.inverse(2, sizes);
      cases.add(new TestProgram("unfold " + c, 2, p -> {
        RowAxis in = p.axis("in", inverse.length / c.taps());
        RowAxis out = p.axis("out", indices.length / c.taps());
        return p.mse(p.graph().unfold(p.probe("x", Shape.of(in, c.channels())), p.table("indices", Shape.of(out, c.taps()), live -> below(indices,
            live.of(out) * c.taps(), live.of(in))), p.table("inverse", Shape.of(in, c.taps()), live -> below(inverse, live.of(in) * c.taps(),
            live.of(out)))));
      }));
    }
    cases.add(new TestProgram("cross-entropy of spread columns", A, p -> {
      RowAxis a = p.axis("a", A);
      RowAxis b = p.axis("b", B);
      Value spans = p.table("spans", Shape.of(b, 3), live -> spans(live.of(b), live.of(a)));
      Value labels = p.table("labels", Shape.of(b, 1), live -> new int[live.of(b)]);
      return p.graph().loss(Loss.CROSS_ENTROPY, p.graph().spread(p.probe("x", Shape.of(a, 2)), spans, A), labels);
    }));
    cases.add(twice("rms norm, frozen, beside a residual", 17, (p, x) -> p.graph().add(x,
        p.graph().rmsNorm(x, p.frozen("gamma", Shape.vector(17)), 1e-6))));
    for (int headDim : new int[] {2, 6, 48}) {
      cases.add(twice("rope of 3 heads of " + headDim, 3 * headDim, (p, x) -> {
        RowAxis axis = x.shape().axis().orElseThrow();
        Value positions = p.table("positions." + axis.name(), Shape.of(axis, 1), live -> new java.util.Random(3).ints(live.of(axis), 0,
            11).toArray());
        return p.graph().rope(x, positions, p.frozen("angles", Shape.of(11, headDim)), 3);
      }));
    }
    for (boolean neighbours : new boolean[] {false, true}) {
      for (int turned : new int[] {2, 6, 10}) {
        cases.add(twice("rope of %d of 10 columns, %s".formatted(turned, neighbours ? "neighbours" : "halves"), 30, (p, x) -> {
          RowAxis axis = x.shape().axis().orElseThrow();
          Value positions = p.table("positions." + axis.name(), Shape.of(axis, 1), live -> new java.util.Random(3).ints(live.of(axis), 0, 11)
              .toArray());
          return p.graph().rope(x, positions, p.frozen("angles", Shape.of(11, turned)), new Kernels.Turn(3, 10, turned, neighbours));
        }));
      }
    }
    for (int headDim : new int[] {1, 7, 32}) {
      cases.add(twice("rms norm of 3 heads of " + headDim, 3 * headDim, (p, x) -> p.graph().rmsNorm(x, p.probe("gamma", Shape.vector(headDim)),
          1e-2)));
    }
    cases.add(twice("split in unequal parts", 17, (p, x) -> {
      List<Value> parts = p.graph().split(x, 1, List.of(5, 7, 5));
      return p.graph().scaleRows(p.graph().multiply(parts.getFirst(), parts.getLast()), p.graph().rowDots(parts.get(1), parts.get(1)));
    }));
    cases.add(twice("split by heads", 3 * 14, (p, x) -> {
      List<Value> parts = p.graph().split(x, 3, List.of(4, 4, 6));
      return p.graph().scaleRows(p.graph().multiply(parts.getFirst(), parts.get(1)), p.graph().rowDots(parts.get(2), parts.get(2)));
    }));
    cases.add(new TestProgram("range mean", A, p -> {
      RowAxis a = p.axis("a", A);
      RowAxis b = p.axis("b", B);
      return p.mse(p.graph().rangeMean(p.probe("x", Shape.of(a, 17)), Tables.ranges(p, "ranges", b, a)));
    }));
    cases.add(new TestProgram("range means of two cuts of the same rows", A, p -> {
      RowAxis a = p.axis("a", A);
      RowAxis b = p.axis("b", B);
      Value x = p.probe("x", Shape.of(a, 7));
      Value first = p.graph().rangeMean(x, Tables.ranges(p, "ranges", b, a));
      return p.mse(p.graph().multiply(first, p.graph().rangeMean(p.graph().scale(x, 2), Tables.ranges(p, "other", b, a))));
    }));
    // Of one column the gradient is zero times the reciprocal of an element that may be tiny.
    for (int cols : new int[] {2, 7, 33}) {
      cases.add(twice("l2 normalize, " + cols, cols, (p, x) -> p.graph().l2Normalize(x, 1e-12)));
    }
    for (double probability : new double[] {0.1, 0.5}) {
      cases.add(twice("dropout " + probability, 7, (p, x) -> Tables.dropout(p, x, "site", probability)));
    }
  }

  /** The first indices, those that lead beyond the live rows as padding. */
  private static int[] below(int[] indices, int length, int rows) {
    return Arrays.stream(indices, 0, length).map(i -> i < rows ? i : -1).toArray();
  }

  private static void elementwise(List<TestProgram> cases) {
    for (Activation f : Activation.values()) {
      cases.add(twice(f.name(), 17, (p, x) -> p.graph().activate(f, p.graph().scale(x, 2))));
    }
    cases.add(twice("add", 17, (p, x) -> p.graph().add(x, p.graph().activate(Activation.TANH, x))));
    cases.add(twice("add a value to itself", 7, (p, x) -> p.graph().add(x, x)));
    cases.add(twice("multiply", 17, (p, x) -> p.graph().multiply(x, p.graph().activate(Activation.TANH, x))));
    cases.add(twice("square", 7, (p, x) -> p.graph().multiply(x, x)));
    for (int cols : new int[] {1, 7, 33, 100}) {
      cases.add(twice("columns scaled, " + cols, cols, (p, x) -> p.graph().scaleColumns(x, p.trainable("factors", Shape.vector(cols)))));
      cases.add(twice("columns scaled around a trainable center, " + cols, cols, (p, x) -> p.graph().scaleColumns(x,
          p.trainable("factors", Shape.vector(cols)), p.trainable("center", Shape.vector(cols)))));
    }
    cases.add(twice("columns scaled by computed factors around a bias", 17, (p, x) -> {
      Value bias = p.trainable("bias", Shape.vector(9));
      Value y = p.graph().linear(x, p.frozen("w", Shape.of(9, 17)), bias);
      Value factors = p.graph().multiply(p.trainable("magnitude", Shape.vector(9)), p.frozen("inverse", Shape.vector(9)));
      return p.graph().scaleColumns(y, factors, bias);
    }));
    cases.add(new TestProgram("trainables as operands of everything", A, p -> {
      Value w = p.trainable("w", Shape.of(A, 7));
      Value v = p.graph().multiply(p.graph().activate(Activation.TANH, w), p.graph().add(w, w));
      Value y = p.graph().linearOnto(w, p.trainable("square", Shape.of(7, 7)), v, 0.5);
      return p.mse(p.graph().layerNorm(y, p.frozen("gamma", Shape.vector(7)), p.frozen("beta", Shape.vector(7)), 1e-5));
    }));
    cases.add(twice("scale", 33, (p, x) -> p.graph().scale(x, -0.3)));
  }

  private static void losses(List<TestProgram> cases) {
    for (int cols : new int[] {1, 2, 7, 100}) {
      cases.add(new TestProgram("cross-entropy, " + cols, cols, p -> {
        RowAxis a = p.axis("a", A);
        Value labels = p.table("labels", Shape.of(a, 1), live -> {
          int[] classes = new java.util.Random(5).ints(live.of(a), 0, cols).toArray();
          for (int i = 2; i < classes.length; i += 3) {
            classes[i] = -100;
          }
          return classes;
        });
        p.graph().countTargets(Loss.CROSS_ENTROPY, labels, p.graph().program().state("count", Shape.vector(1)));
        return p.graph().loss(Loss.CROSS_ENTROPY, p.probe("x", Shape.of(a, cols)), labels);
      }));
      cases.add(new TestProgram("binary cross-entropy, " + cols, cols, p -> {
        Shape shape = Shape.of(p.axis("a", A), cols);
        Value labels = p.input("labels", shape, () -> p.random().nextInt(2));
        p.graph().countTargets(Loss.BCE_WITH_LOGITS, labels, p.graph().program().state("count", Shape.vector(1)));
        return p.graph().loss(Loss.BCE_WITH_LOGITS, p.probe("x", shape), labels);
      }));
      cases.add(new TestProgram("squared error, " + cols, cols, p -> {
        Shape shape = Shape.of(p.axis("a", A), cols);
        Value x = p.mse(p.probe("x", shape));
        p.graph().countTargets(Loss.MSE, p.input("labels", shape), p.graph().program().state("count", Shape.vector(1)));
        return x;
      }));
    }
    cases.add(new TestProgram("in-batch negatives", A, p -> {
      Shape shape = Shape.of(p.axis("a", A), 17);
      p.graph().countTargets(p.table("any", shape.withCols(1), live -> new int[0]),
          p.graph().program().state("count", Shape.vector(1)));
      return p.graph().inBatchNegatives(p.probe("q", shape), p.probe("d", shape), 0.7);
    }));
  }

  /** More rows than one piece of work or one partial sum takes; too much for a gradient check. */
  public static List<TestProgram> tall() {
    return List.of(twice("tall layer norm and bias", 33, 600, 300, (p, x) -> {
      Value y = p.graph().linear(x, p.trainable("w", Shape.of(33, 33)), p.trainable("bias", Shape.vector(33)));
      return p.graph().layerNorm(p.graph().activate(Activation.GELU, y), p.trainable("gamma", Shape.vector(33)),
          p.trainable("beta", Shape.vector(33)), 1e-5);
    }));
  }
}
