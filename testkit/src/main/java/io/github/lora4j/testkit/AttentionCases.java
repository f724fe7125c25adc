package io.github.lora4j.testkit;

import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.AttentionSpec;
import java.util.ArrayList;
import java.util.List;

/** Attention: self and cross, grouped heads, causal with an offset, rows that only query, and gradients of some operands only. */
public final class AttentionCases {

  private static final int TOKENS = 45;

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
    cases.add(new TestProgram("queries, keys and values are one", TOKENS, p -> {
      RowAxis tokens = p.axis("tokens", TOKENS);
      Value x = p.probe("x", Shape.of(tokens, 14));
      return p.mse(p.graph().attention(spec(2, 2, 7, false), x, x, x, Tables.segments(p, p.axis("segments", 6), tokens, tokens, 0, 0), TOKENS));
    }));
    return cases;
  }

  private static AttentionSpec spec(int heads, int kvHeads, int dim, boolean causal) {
    return new AttentionSpec(heads, kvHeads, dim, (float) (1 / Math.sqrt(dim)), causal);
  }

  private static TestProgram self(String name, AttentionSpec spec, int spareKeys, String trained) {
    return new TestProgram(name, TOKENS, p -> {
      RowAxis tokens = p.axis("tokens", TOKENS);
      Value segments = Tables.segments(p, p.axis("segments", 6), tokens, tokens, 0, spareKeys);
      return attention(p, spec, tokens, tokens, segments, trained);
    });
  }

  private static TestProgram cross(String name, AttentionSpec spec, int offset) {
    return new TestProgram(name, TOKENS, p -> {
      RowAxis queries = p.axis("queries", 19);
      RowAxis keys = p.axis("tokens", TOKENS);
      return attention(p, spec, queries, keys, Tables.segments(p, p.axis("segments", 5), queries, keys, offset, 0), "qkv");
    });
  }

  private static Value attention(TestProgram p, AttentionSpec spec, RowAxis queries, RowAxis keys, Value segments, String trained) {
    Shape q = Shape.of(queries, spec.heads() * spec.headDim());
    Shape kv = Shape.of(keys, spec.kvHeads() * spec.headDim());
    return p.mse(p.graph().attention(spec, operand(p, "q", q, trained), operand(p, "k", kv, trained), operand(p, "v", kv, trained), segments,
        TOKENS));
  }

  private static Value operand(TestProgram p, String name, Shape shape, String trained) {
    return trained.contains(name) ? p.probe(name, shape) : p.input(name, shape);
  }
}
