package io.github.lora4j.graph;

import io.github.lora4j.vector.AttentionSpec;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Attention and its gradient; see {@link Op}. */
public sealed interface AttentionOp extends Op {

  /**
   * What scores have by the distance of key and query, each [2·c + 1, columns], the row of distance 0 in the middle; see {@link AttentionSpec.Bias}.
   *
   * @param bias added to scores [.., heads]
   * @param keys what queries are multiplied by, as by a key [.., heads·headDim]
   * @param queries what keys are multiplied by [.., heads·headDim]
   */
  record Distances(Optional<Value> bias, Optional<Value> keys, Optional<Value> queries) {

    /** Scores of queries and keys alone. */
    public static final Distances NONE = new Distances(Optional.empty(), Optional.empty(), Optional.empty());

    /** Numbers that are added to scores. */
    public static Distances of(Value bias) {
      return new Distances(Optional.of(bias), Optional.empty(), Optional.empty());
    }

    /** Whether there are vectors. */
    public boolean vectors() {
      return keys.isPresent() || queries.isPresent();
    }

    /** Whether there is anything. */
    public boolean any() {
      return bias.isPresent() || vectors();
    }

    Distances map(Function<Value, Optional<Value>> to) {
      return new Distances(bias.flatMap(to), keys.flatMap(to), queries.flatMap(to));
    }
  }

  /**
   * Attention over segments; q and out on one axis, k and v on another or the same. Segments share neither query nor key rows;
   * query rows of no segment give zeros, and rows that are neither queries nor keys of any have zero gradients.
   *
   * @param by what scores have by the distance of key and query
   * @param segments I32 [segments, 5] = (query start, query length, key start, key length, position offset)
   * @param maxLength the most keys of a segment
   */
  record Attention(AttentionSpec spec, Value q, Value k, Value v, Distances by, Value segments, int maxLength, Value out, Value lse)
      implements AttentionOp {
    @Override
    public List<Value> inputs() {
      return Op.list(q, k, v, by.bias, by.keys, by.queries, segments);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(out, lse);
    }

    @Override
    public long flops() {
      long keys = Math.min(maxLength, k.shape().rows());
      long seen = spec.window() == 0 ? keys : Math.min(keys, spec.window() * (spec.causal() ? 1L : 2L));
      return 2L * (2 + Op.list(by.keys, by.queries).size()) * q.shape().rows() * seen * q.shape().cols();
    }

    @Override
    public void check(OpCheck check) {
      int width = spec.heads() * spec.headDim();
      int keyWidth = spec.kvHeads() * spec.headDim();
      check.that(q.shape().cols() == width, "attention", q.name(), "queries are %s but %d heads of %d need %d columns", q.shape(), spec.heads(),
          spec.headDim(), width);
      check.that(k.shape().cols() == keyWidth && k.shape().equals(v.shape()), "attention", k.name(),
          "keys are %s and values %s but %d heads of %d need %d columns", k.shape(), v.shape(), spec.kvHeads(), spec.headDim(), keyWidth);
      check.that(segments.integer() && segments.shape().cols() == 5, "attention", q.name(),
          "the segment table must be integers [segments, 5], got %s", segments.shape());
      by.bias.ifPresent(b -> table(check, "bias", b, spec.heads()));
      by.keys.ifPresent(b -> table(check, "keys by distance", b, width));
      by.queries.ifPresent(b -> table(check, "queries by distance", b, width));
      check.that(!by.vectors() || spec.heads() == spec.kvHeads(), "attention", q.name(),
          "vectors by distance are for as many key heads as heads, %d, got %d", spec.heads(), spec.kvHeads());
    }

    private void table(OpCheck check, String what, Value b, int columns) {
      check.that(b.shape().cols() == columns && b.shape().rows() % 2 == 1 && b.shape().axis().isEmpty() && b.shape().rows() / 2 >= maxLength - 1,
          "attention", q.name(), "the %s must be [%d or more, odd; %d], got %s", what, 2 * maxLength - 1, columns, b.shape());
    }

    @Override
    public void gradient(Gradients g) {
      Value dout = g.grad(out);
      Optional<Value> dq = Optional.of(q).filter(g::needs).map(g::temp);
      Optional<Value> dk = Optional.of(k).filter(g::needs).map(g::temp);
      Optional<Value> dv = Optional.of(v).filter(g::needs).map(g::temp);
      if (dq.isPresent() || dk.isPresent() || dv.isPresent()) {
        g.record(new AttentionGrad(this, dout, dq, dk, dv));
      }
      Distances dBy = by.map(b -> Optional.of(b).filter(g::needs).map(g::temp));
      if (dBy.any()) {
        g.record(new AttentionBiasGrad(this, dout, dBy));
      }
      by.bias.ifPresent(b -> dBy.bias.ifPresent(d -> g.passOn(b, d)));
      by.keys.ifPresent(b -> dBy.keys.ifPresent(d -> g.passOn(b, d)));
      by.queries.ifPresent(b -> dBy.queries.ifPresent(d -> g.passOn(b, d)));
      dq.ifPresent(d -> g.passOn(q, d));
      dk.ifPresent(d -> g.passOn(k, d));
      dv.ifPresent(d -> g.passOn(v, d));
    }

    /** A query that sees no key has no logarithm of a sum, which is its value, not a fault. */
    @Override
    public boolean finite(Value output) {
      return !output.equals(lse);
    }
  }

  /** Gradients of {@link Attention}; each of dq, dk, dv only where something needs it. The output is not read, so nothing keeps it. */
  record AttentionGrad(Attention forward, Value dout, Optional<Value> dq, Optional<Value> dk, Optional<Value> dv) implements AttentionOp,
      Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(forward.inputs(), forward.lse, dout);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(dq, dk, dv);
    }

    @Override
    public long flops() {
      return forward.flops() / 2 * (2 + Op.list(dq, dk, dv).size());
    }
  }

  /** The gradients of what scores have by distance: of each head and distance a sum over pairs. Each only where something needs it. */
  record AttentionBiasGrad(Attention forward, Value dout, Distances dBy) implements AttentionOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(forward.inputs(), forward.lse, dout);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(dBy.bias, dBy.keys, dBy.queries);
    }

    @Override
    public long flops() {
      return forward.flops();
    }
  }
}
