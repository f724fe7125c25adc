package io.github.lora4j.testkit;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.Loss;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Programs as models record them: encoders with adapters and heads, tied weights, values with many readers. */
public final class CompositeCases {

  private static final int TOKENS = 40;
  private static final int SEQUENCES = 6;
  private static final int HIDDEN = 14;
  private static final int VOCABULARY = 19;
  private static final int CLASSES = 3;
  private static final int LENGTH = 300;

  private CompositeCases() {}

  /** All of them. */
  public static List<TestProgram> all() {
    return List.of(
        new TestProgram("encoder, LoRA on queries and values, classifier", LENGTH, p -> classifier(p, new Encoder(p, false, true, 0).run())),
        new TestProgram("encoder, LoRA, dropout", LENGTH, p -> classifier(p, new Encoder(p, false, true, 0.2).run())),
        new TestProgram("encoder, everything trains", LENGTH, p -> classifier(p, new Encoder(p, true, false, 0.1).run())),
        new TestProgram("encoder, LoRA, mean pooling, in-batch negatives", LENGTH, p -> pairs(p, new Encoder(p, false, true, 0).run())),
        new TestProgram("tied embedding and decoder", LENGTH, CompositeCases::tied),
        new TestProgram("one adapter at two sites", LENGTH, CompositeCases::shared),
        new TestProgram("residuals with many readers", LENGTH, CompositeCases::residuals));
  }

  /** A two-layer encoder with post-norm, as BERT's. */
  private static final class Encoder {
    private final TestProgram p;
    private final Graph g;
    private final boolean everything;
    private final boolean lora;
    private final double dropout;

    Encoder(TestProgram p, boolean everything, boolean lora, double dropout) {
      this.p = p;
      this.g = p.graph();
      this.everything = everything;
      this.lora = lora;
      this.dropout = dropout;
    }

    Value run() {
      RowAxis tokens = p.axis("tokens", TOKENS);
      Value words = g.embedding(weight("words", Shape.of(VOCABULARY, HIDDEN)), Tables.ids(p, "ids", tokens, VOCABULARY));
      Value positions = Tables.ids(p, "positions", tokens, 9);
      Value x = g.embedding(weight("positions.weight", Shape.of(9, HIDDEN)), positions, words);
      x = drop("embeddings.dropout", norm("embeddings.norm", x));
      Value segments = Tables.segments(p, p.axis("sequences", SEQUENCES), tokens, tokens, 0, 0);
      for (int i = 0; i < 2; i++) {
        String layer = "layer." + i;
        Value in = x;
        x = g.region(layer, () -> layer(layer, in, segments));
      }
      return x;
    }

    private Value layer(String name, Value x, Value segments) {
      AttentionSpec spec = new AttentionSpec(2, 2, HIDDEN / 2, 0.4f, false);
      Value attended = g.attention(spec, linear(name + ".query", x, HIDDEN, lora), linear(name + ".key", x, HIDDEN, false),
          linear(name + ".value", x, HIDDEN, lora), segments, TOKENS);
      Value y = norm(name + ".norm1", g.add(drop(name + ".drop1", linear(name + ".out", attended, HIDDEN, false)), x));
      Value up = g.activate(Activation.GELU, linear(name + ".up", y, 22, false));
      return norm(name + ".norm2", g.add(drop(name + ".drop2", linear(name + ".down", up, HIDDEN, false)), y));
    }

    private Value linear(String name, Value x, int out, boolean adapted) {
      Value y = g.linear(x, weight(name + ".weight", Shape.of(out, x.shape().cols())), weight(name + ".bias", Shape.vector(out)));
      if (!adapted) {
        return y;
      }
      Value h = g.linear(drop(name + ".lora_dropout", x), p.trainable(name + ".lora_A", Shape.of(3, x.shape().cols())));
      return g.linearOnto(h, p.trainable(name + ".lora_B", Shape.of(out, 3)), y, 2);
    }

    private Value norm(String name, Value x) {
      Shape vector = Shape.vector(HIDDEN);
      return g.layerNorm(x, weight(name + ".weight", vector), weight(name + ".bias", vector), 1e-5);
    }

    private Value drop(String site, Value x) {
      return dropout == 0 ? x : Tables.dropout(p, x, site, dropout);
    }

    private Value weight(String name, Shape shape) {
      return everything ? p.trainable(name, shape) : p.frozen(name, shape);
    }
  }

  /** The first token of each sequence through a pooler and a classifier. */
  private static Value classifier(TestProgram p, Value x) {
    Graph g = p.graph();
    RowAxis tokens = p.axis("tokens", TOKENS);
    RowAxis sequences = p.axis("sequences", SEQUENCES);
    Tables.Picked first = Tables.firsts(p, sequences, tokens);
    Value pooled = g.activate(Activation.TANH, g.linear(g.gather(x, first.ids(), first.inverse()),
        p.frozen("pooler", Shape.of(HIDDEN, HIDDEN))));
    Value logits = p.output("logits", g.linear(pooled, p.trainable("classifier", Shape.of(CLASSES, HIDDEN)),
        p.trainable("classifier.bias", Shape.vector(CLASSES))));
    Value labels = p.table("labels", Shape.of(sequences, 1), live -> new Random(3).ints(live.of(sequences), 0, CLASSES).toArray());
    return g.loss(Loss.CROSS_ENTROPY, logits, labels);
  }

  /** Unit sentence vectors, split into queries and documents. */
  private static Value pairs(TestProgram p, Value x) {
    Graph g = p.graph();
    RowAxis sequences = p.axis("sequences", SEQUENCES);
    RowAxis pairs = p.axis("pairs", SEQUENCES / 2);
    Value ranges = Tables.ranges(p, "ranges", sequences, p.axis("tokens", TOKENS));
    Value unit = g.l2Normalize(g.rangeMean(x, ranges), 1e-3);
    return g.inBatchNegatives(half(p, unit, pairs, sequences, 0), half(p, unit, pairs, sequences, 1), 5);
  }

  private static Value half(TestProgram p, Value x, RowAxis pairs, RowAxis sequences, int which) {
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
    return p.output("half" + which, p.graph().gather(x, ids, inverse));
  }

  /** The embedding table is also the decoder's weight, as in masked language models. */
  private static Value tied(TestProgram p) {
    Graph g = p.graph();
    RowAxis tokens = p.axis("tokens", TOKENS);
    Value table = p.trainable("table", Shape.of(VOCABULARY, HIDDEN));
    Value x = g.embedding(table, Tables.ids(p, "ids", tokens, VOCABULARY));
    Value h = g.activate(Activation.SILU, g.linear(x, p.frozen("transform", Shape.of(HIDDEN, HIDDEN))));
    Value logits = g.linear(h, table, p.trainable("decoder.bias", Shape.vector(VOCABULARY)));
    Value labels = p.table("labels", Shape.of(tokens, 1), live -> new Random(9).ints(live.of(tokens), 0, VOCABULARY).map(i -> i % 3 == 0 ? i : -100)
        .toArray());
    return g.loss(Loss.CROSS_ENTROPY, p.output("logits", logits), labels);
  }

  private static Value shared(TestProgram p) {
    Graph g = p.graph();
    Value x = p.probe("x", Shape.of(p.axis("tokens", TOKENS), HIDDEN));
    Value a = p.trainable("A", Shape.of(HIDDEN, HIDDEN));
    Value b = p.trainable("b", Shape.vector(HIDDEN));
    Value once = g.activate(Activation.TANH, g.linear(x, a, b));
    Value y = g.linearOnto(once, a, b, once, 0.7);
    return p.mse(g.linearOnto(y, a, x, -1));
  }

  /** Pre-norm: the stream is read by the norm, the addition and a gate; gradients of one value come from five ops. */
  private static Value residuals(TestProgram p) {
    Graph g = p.graph();
    Value x = p.probe("x", Shape.of(p.axis("tokens", TOKENS), HIDDEN));
    Shape vector = Shape.vector(HIDDEN);
    for (int i = 0; i < 3; i++) {
      Value n = g.layerNorm(x, p.trainable("gamma" + i, vector), p.frozen("beta" + i, vector), 1e-5);
      Value gate = g.activate(Activation.SIGMOID, g.linear(n, p.frozen("gate" + i, Shape.of(HIDDEN, HIDDEN))));
      Value up = g.linearOnto(n, p.trainable("up" + i, Shape.of(HIDDEN, HIDDEN)), x, 0.5);
      x = g.add(g.add(g.multiply(gate, up), g.multiply(x, gate)), g.scale(g.add(x, n), 0.25));
    }
    return p.mse(x);
  }
}
