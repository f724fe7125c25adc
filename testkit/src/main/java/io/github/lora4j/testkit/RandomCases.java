package io.github.lora4j.testkit;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AttentionSpec;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;

/** Random programs: values are read once, often or long after they were written, so memory plans see every pattern of lifetimes. */
public final class RandomCases {

  private static final int COLS = 6;
  private static final int OPS = 25;

  private RandomCases() {}

  /** So many programs, the same ones each time. */
  public static List<TestProgram> all(int count) {
    return IntStream.range(0, count).mapToObj(seed -> new TestProgram("random program " + seed, 200, p -> new Recording(p, seed).run())).toList();
  }

  private static final class Recording {
    private final TestProgram p;
    private final Graph g;
    private final Random random;
    private final List<Value> values = new ArrayList<>();
    private final Set<Value> unread = new HashSet<>();
    private final RowAxis rows;
    private final RowAxis pieces;

    Recording(TestProgram p, int seed) {
      this.p = p;
      g = p.graph();
      random = new Random(seed);
      rows = p.axis("rows", 23);
      pieces = p.axis("pieces", 5);
    }

    Value run() {
      add(p.probe("x0", Shape.of(rows, COLS)));
      add(p.probe("x1", Shape.of(rows, COLS)));
      for (int i = 0; i < OPS; i++) {
        add(op(i));
      }
      Value sum = pick();
      for (Value value : values) {
        if (unread.contains(value)) {
          sum = g.add(sum, g.scale(value, 0.3));
        }
      }
      return p.mse(sum);
    }

    private void add(Value value) {
      values.add(value);
      unread.add(value);
    }

    /** A value, more often a recent one. */
    private Value pick() {
      Value value = random.nextInt(3) == 0 ? values.get(random.nextInt(values.size()))
          : values.get(values.size() - 1 - random.nextInt(Math.min(3, values.size())));
      unread.remove(value);
      return value;
    }

    private Value op(int i) {
      Shape vector = Shape.vector(COLS);
      return switch (random.nextInt(11)) {
        case 0 -> g.add(pick(), pick());
        case 1 -> g.multiply(g.activate(Activation.TANH, pick()), g.activate(Activation.SIGMOID, pick()));
        case 2 -> g.scale(pick(), -0.8);
        case 3 -> g.activate(Activation.values()[random.nextInt(3)], pick());
        case 4 -> g.linearOnto(pick(), p.trainable("w" + i, Shape.of(COLS, COLS)), pick(), 0.5);
        case 5 -> g.linear(pick(), p.frozen("w" + i, Shape.of(COLS, COLS)), p.trainable("b" + i, vector));
        case 6 -> g.layerNorm(pick(), p.trainable("gamma" + i, vector), p.frozen("beta" + i, vector), 1e-2);
        case 7 -> g.l2Normalize(pick(), 1e-12);
        case 8 -> Tables.dropout(p, pick(), "site" + i, 0.2);
        case 9 -> g.attention(new AttentionSpec(2, 2, COLS / 2, 0.5f, random.nextBoolean()), pick(), pick(), pick(),
            Tables.segments(p, pieces, rows, rows, 0, 0), 23);
        default -> pooled(pick(), pick());
      };
    }

    /** Means of ranges, put back at the first row of each. */
    private Value pooled(Value x, Value onto) {
      Tables.Picked firsts = Tables.firsts(p, pieces, rows);
      return g.gather(g.rangeMean(x, Tables.ranges(p, "ranges", pieces, rows)), firsts.inverse(), firsts.ids(), onto);
    }
  }
}
