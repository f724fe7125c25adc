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
   * @param bias added to scores by the distance of key and query [2·c + 1, heads], the row of distance 0 in the middle; see
   *     {@link AttentionSpec.Bias}
   * @param segments I32 [segments, 5] = (query start, query length, key start, key length, position offset)
   * @param maxLength the most keys of a segment
   */
  record Attention(AttentionSpec spec, Value q, Value k, Value v, Optional<Value> bias, Value segments, int maxLength, Value out, Value lse)
      implements AttentionOp {
    @Override
    public List<Value> inputs() {
      return Op.list(q, k, v, bias, segments);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(out, lse);
    }

    @Override
    public long flops() {
      long keys = Math.min(maxLength, k.shape().rows());
      return 4L * q.shape().rows() * (spec.window() == 0 ? keys : Math.min(keys, spec.window() * (spec.causal() ? 1L : 2L))) * q.shape().cols();
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
      bias.ifPresent(b -> check.that(b.shape().cols() == spec.heads() && b.shape().rows() % 2 == 1 && b.shape().axis().isEmpty()
          && b.shape().rows() / 2 >= maxLength - 1, "attention", q.name(), "the bias must be [%d or more, odd; %d], got %s", 2 * maxLength - 1,
          spec.heads(), b.shape()));
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
      bias.ifPresent(b -> g.contribute(b, d -> new AttentionBiasGrad(this, dout, d)));
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
      return Op.list(forward.q, forward.k, forward.v, forward.bias, forward.segments, forward.lse, dout);
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

  /** The gradient of the bias: of each head and distance the sum of its scores' gradients. */
  record AttentionBiasGrad(Attention forward, Value dout, Value dBias) implements AttentionOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(forward.q, forward.k, forward.v, forward.bias, forward.segments, forward.lse, dout);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(dBias);
    }

    @Override
    public long flops() {
      return forward.flops();
    }
  }
}
