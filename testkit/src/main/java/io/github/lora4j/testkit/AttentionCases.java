package io.github.lora4j.testkit;

import io.github.lora4j.graph.AttentionOp;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.AttentionSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Attention: self and cross, grouped heads, causal with an offset, rows that only query, and gradients of some operands only. */
public final class AttentionCases {

  private static final int TOKENS = 45;
  private static final int LONG = 150;

  private AttentionCases() {}

  /** All of them. */
  public static List<TestProgram> all() {
    List<TestProgram> cases = new ArrayList<>();
    for (int dim : new int[] {1, 2, 7, 17, 33, 64}) {
      cases.add(self("self-attention, head size " + dim, spec(2, 2, dim, false), 0, "qkv"));
      cases.add(self("causal self-attention, head size " + dim, spec(2, 1, dim, true), 0, "qkv"));
    }
    cases.add(self("grouped heads", spec(6, 2, 8, false), 0, "qkv"));
    cases.add(self("rows that query but are no keys", spec(2, 2, 7, false), 3, "qkv"));
    for (String trained : List.of("q", "k", "v", "qv", "kv")) {
      cases.add(self("only " + trained + " trains", spec(2, 2, 7, false), 0, trained));
    }
    cases.add(cross("cross-attention", spec(3, 3, 5, false), 0));
    cases.add(cross("causal queries behind a prefix", spec(2, 1, 16, true), 4));
    cases.add(cross("queries before the first key", spec(2, 2, 4, true), -3));
    // More rows than a tile or a block of any backend has, in few segments; heads wider than a tile.
    cases.add(self("long segments", spec(2, 2, 5, false), LONG, 2, 0, "qkv"));
    cases.add(self("long causal segments, grouped heads", spec(4, 2, 3, true), LONG, 2, 0, "qkv"));
    cases.add(self("one long segment", spec(1, 1, 4, true), LONG, 1, 5, "qkv"));
    cases.add(self("wide heads", spec(2, 1, 70, true), 67, 2, 0, "qkv"));
    cases.add(cross("long cross-attention", spec(2, 1, 6, false), LONG, LONG + 40, 3, 0));
    cases.add(cross("long causal queries behind a prefix", spec(2, 1, 6, true), LONG - 40, LONG, 2, 40));
    for (boolean causal : new boolean[] {false, true}) {
      String kind = causal ? "causal, " : "";
      for (int window : new int[] {1, 5, 64, 400}) {
        cases.add(self(kind + "window of " + window, new AttentionSpec(4, 2, 5, 0.4f, causal, window, 0), LONG, 2, 0, "qkv"));
      }
      cases.add(self(kind + "soft cap", new AttentionSpec(2, 1, 7, 0.4f, causal, 0, 0.7f), 0, "qkv"));
      cases.add(self(kind + "soft cap in a window, long", new AttentionSpec(4, 2, 3, 1, causal, 70, 2), LONG, 2, 0, "qkv"));
      cases.add(cross(kind + "queries behind a prefix, in a window", new AttentionSpec(2, 1, 6, 0.5f, causal, 9, 0), LONG - 40, LONG, 2, 40));
      cases.add(biased(kind + "bias by distance", new AttentionSpec(3, 3, 5, 1, causal), TOKENS, 6, true));
      cases.add(biased(kind + "bias by distance, grouped heads, long", new AttentionSpec(4, 2, 3, 0.4f, causal), LONG, 2, true));
      cases.add(biased(kind + "bias, cap and window at once", new AttentionSpec(4, 2, 3, 0.4f, causal, 20, 1.5f), LONG, 2, true));
      cases.add(biased(kind + "bias that does not train", new AttentionSpec(2, 2, 8, 0.4f, causal), TOKENS, 6, false));
    }
    for (String parts : List.of("Q", "K", "QK", "qk", "Qk", "-qK")) {
      cases.add(vectors("self-attention", spec(3, 3, 5, false), TOKENS, 6, parts));
    }
    cases.add(vectors("wide heads", spec(2, 2, 70, false), 67, 2, "QK"));
    cases.add(vectors("long segments", spec(2, 2, 5, false), LONG, 2, "QK"));
    cases.add(vectors("all at once, long", new AttentionSpec(2, 2, 6, 0.4f, true, 70, 1.5f), LONG, 2, "QKb"));
    cases.add(new TestProgram("queries, keys and values are one", TOKENS, p -> {
      RowAxis tokens = p.axis("tokens", TOKENS);
      Value x = p.probe("x", Shape.of(tokens, 14));
      return p.mse(p.graph().attention(spec(2, 2, 7, false), x, x, x, Tables.segments(p, p.axis("segments", 6), tokens, tokens, 0, 0), TOKENS));
    }));
    cases.add(cached());
    return cases;
  }

  /** Keys and values that lie in states, among rows that nothing has written, in another order than their tokens. */
  private static TestProgram cached() {
    return new TestProgram("keys and values in a cache", TOKENS, p -> {
      RowAxis tokens = p.axis("tokens", TOKENS);
      Shape kv = Shape.of(tokens, 7);
      Value q = p.probe("q", Shape.of(tokens, 14));
      Value segments = p.table("segments", Shape.of(p.axis("segments", 3), 5), live -> cachedSegments(live.of(p.axis("segments", 3)),
          live.of(tokens)));
      Value rows = p.table("rows", Shape.of(tokens, 1), live -> cacheRows(live.of(p.axis("segments", 3)), live.of(tokens)));
      Value keys = p.graph().program().state("keys", Shape.of(3 * TOKENS, 7));
      Value values = p.graph().program().state("values", Shape.of(3 * TOKENS, 7));
      p.graph().appendRows(p.input("k", kv), rows, keys);
      p.graph().appendRows(p.input("v", kv), rows, values);
      return p.mse(p.graph().attention(spec(2, 1, 7, true), q, keys, values, segments, TOKENS));
    });
  }

  /** Equal parts of the tokens, the first part with its keys in the last third of the cache. */
  private static int[] cachedSegments(int segments, int tokens) {
    int[] table = new int[5 * segments];
    for (int s = 0; s < segments; s++) {
      table[5 * s] = s * tokens / segments;
      table[5 * s + 1] = (s + 1) * tokens / segments - table[5 * s];
      table[5 * s + 2] = (2 - s) * TOKENS;
      table[5 * s + 3] = table[5 * s + 1];
    }
    return table;
  }

  private static int[] cacheRows(int segments, int tokens) {
    int[] rows = new int[tokens];
    // Without segments each token has some row.
    Arrays.setAll(rows, i -> i);
    for (int s = 0; s < segments; s++) {
      int first = s * tokens / segments;
      for (int i = first; i < (s + 1) * tokens / segments; i++) {
        rows[i] = (2 - s) * TOKENS + i - first;
      }
    }
    return rows;
  }

  private static AttentionSpec spec(int heads, int kvHeads, int dim, boolean causal) {
    return new AttentionSpec(heads, kvHeads, dim, (float) (1 / Math.sqrt(dim)), causal);
  }

  private static TestProgram self(String name, AttentionSpec spec, int spareKeys, String trained) {
    return self(name, spec, TOKENS, 6, spareKeys, trained);
  }

  private static TestProgram self(String name, AttentionSpec spec, int rows, int segments, int spareKeys, String trained) {
    return new TestProgram(name, rows, p -> {
      RowAxis tokens = p.axis("tokens", rows);
      Value table = Tables.segments(p, p.axis("segments", segments), tokens, tokens, 0, spareKeys);
      return attention(p, spec, tokens, tokens, table, trained);
    });
  }

  private static TestProgram biased(String name, AttentionSpec spec, int rows, int segments, boolean trained) {
    return new TestProgram(name, rows, p -> {
      RowAxis tokens = p.axis("tokens", rows);
      Value table = Tables.segments(p, p.axis("segments", segments), tokens, tokens, 0, 0);
      Shape shape = Shape.of(2 * rows + 1, spec.heads());
      Value bias = trained ? p.probe("bias", shape) : p.input("bias", shape);
      Shape kv = Shape.of(tokens, spec.kvHeads() * spec.headDim());
      List<Value> all = List.of(p.probe("q", Shape.of(tokens, spec.heads() * spec.headDim())), p.probe("k", kv), p.probe("v", kv));
      return p.mse(p.graph().attention(spec, all, AttentionOp.Distances.of(bias), table, rows));
    });
  }

  /** With vectors by distance: for q and for k, in capitals those that train. */
  private static TestProgram vectors(String name, AttentionSpec spec, int rows, int segments, String parts) {
    return new TestProgram(name + ", vectors for " + parts, rows, p -> {
      RowAxis tokens = p.axis("tokens", rows);
      Value table = Tables.segments(p, p.axis("segments", segments), tokens, tokens, 0, 0);
      int width = spec.heads() * spec.headDim();
      Shape shape = Shape.of(2 * rows + 1, width);
      AttentionOp.Distances by = new AttentionOp.Distances(parts.contains("b") ? Optional.of(p.probe("bias", shape.withCols(spec.heads())))
          : Optional.empty(), vector(p, shape, parts, "q"), vector(p, shape, parts, "k"));
      Shape wide = Shape.of(tokens, width);
      boolean trains = !parts.contains("-");
      List<Value> all = List.of(trains ? p.probe("q", wide) : p.input("q", wide), p.probe("k", wide), p.probe("v", wide));
      return p.mse(p.graph().attention(spec, all, by, table, rows));
    });
  }

  private static Optional<Value> vector(TestProgram p, Shape shape, String parts, String side) {
    if (parts.contains(side.toUpperCase(Locale.ROOT))) {
      return Optional.of(p.probe("near." + side, shape));
    }
    return parts.contains(side) ? Optional.of(p.input("near." + side, shape)) : Optional.empty();
  }

  private static TestProgram cross(String name, AttentionSpec spec, int offset) {
    return cross(name, spec, 19, TOKENS, 5, offset);
  }

  private static TestProgram cross(String name, AttentionSpec spec, int queryRows, int keyRows, int segments, int offset) {
    return new TestProgram(name, keyRows, p -> {
      RowAxis queries = p.axis("queries", queryRows);
      RowAxis keys = p.axis("tokens", keyRows);
      return attention(p, spec, queries, keys, Tables.segments(p, p.axis("segments", segments), queries, keys, offset, 0), "qkv");
    });
  }

  private static Value attention(TestProgram p, AttentionSpec spec, RowAxis queries, RowAxis keys, Value segments, String trained) {
    Shape q = Shape.of(queries, spec.heads() * spec.headDim());
    Shape kv = Shape.of(keys, spec.kvHeads() * spec.headDim());
    return p.mse(p.graph().attention(spec, operand(p, "q", q, trained), operand(p, "k", kv, trained), operand(p, "v", kv, trained), segments,
        keys.capacity()));
  }

  private static Value operand(TestProgram p, String name, Shape shape, String trained) {
    return trained.contains(name) ? p.probe(name, shape) : p.input(name, shape);
  }
}
