package io.github.lora4j.graph;

import io.github.lora4j.vector.AttentionSpec;
import java.util.List;
import java.util.Optional;

/** Attention and its gradient; see {@link Op}. */
public sealed interface AttentionOp extends Op {

  /**
   * Attention over segments; q and out on one axis, k and v on another or the same. Segments share neither query nor key rows;
   * query rows of no segment give zeros, and rows that are neither queries nor keys of any have zero gradients.
   *
   * @param segments I32 [segments, 5] = (query start, query length, key start, key length, position offset)
   * @param maxLength the most keys of a segment
   */
  record Attention(AttentionSpec spec, Value q, Value k, Value v, Value segments, int maxLength, Value out, Value lse) implements AttentionOp {
    @Override
    public List<Value> inputs() {
      return Op.list(q, k, v, segments);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(out, lse);
    }

    @Override
    public long flops() {
      return 4L * q.shape().rows() * Math.min(maxLength, k.shape().rows()) * q.shape().cols();
    }

    @Override
    public void check(OpCheck check) {
      int width = spec.heads() * spec.headDim();
      int keyWidth = spec.kvHeads() * spec.headDim();
      check.that(q.shape().cols() == width, "attention", q.name(), "queries are %s but %d heads of %d need %d columns", q.shape(), spec.heads(),
          spec.headDim(), width);
      check.that(k.shape().cols() == keyWidth && k.shape().equals(v.shape()), "attention", k.name(),
          "keys are %s and values %s but %d heads of %d need %d columns", k.shape(), v.shape(), spec.kvHeads(), spec.headDim(), keyWidth);
      check.that(segments.integer() && segments.shape().cols() == 5, "attention", q.name(), "the segment table must be integers [segments, 5], got %s",
          segments.shape());
    }

    @Override
    public void gradient(Gradients g) {
      Value dout = g.grad(out);
      Optional<Value> dq = Optional.of(q).filter(g::needs).map(g::temp);
      Optional<Value> dk = Optional.of(k).filter(g::needs).map(g::temp);
      Optional<Value> dv = Optional.of(v).filter(g::needs).map(g::temp);
      g.record(new AttentionGrad(this, dout, dq, dk, dv));
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
  record AttentionGrad(Attention forward, Value dout, Optional<Value> dq, Optional<Value> dk, Optional<Value> dv) implements AttentionOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(forward.q, forward.k, forward.v, forward.segments, forward.lse, dout);
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
}
