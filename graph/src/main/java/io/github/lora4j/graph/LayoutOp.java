package io.github.lora4j.graph;

import java.util.List;

/** Ops that move elements and compute nothing; see {@link Op}. */
public sealed interface LayoutOp extends Op {

  /**
   * The columns of x in parts, from left to right; of each of so many equal groups of columns, the groups of a part side by side.
   *
   * @param groups 1, or how many heads have all of their parts beside each other
   */
  record Split(Value x, int groups, List<Value> parts) implements LayoutOp {
    /** Copies the list. */
    public Split {
      parts = List.copyOf(parts);
    }

    @Override
    public List<Value> inputs() {
      return List.of(x);
    }

    @Override
    public List<Value> outputs() {
      return parts;
    }

    @Override
    public void check(OpCheck check) {
      int cols = parts.stream().mapToInt(part -> part.shape().cols()).sum();
      check.that(groups > 0 && cols == x.shape().cols() && parts.stream().allMatch(part -> part.shape().cols() % groups == 0), "split", x.name(),
          "%s does not fall into %s, in %d groups", x.shape(), parts, groups);
    }

    @Override
    public void gradient(Gradients g) {
      g.contribute(x, d -> new Join(parts.stream().map(part -> g.reached(part) ? g.grad(part) : zero(g, part)).toList(), groups, d));
    }

    private static Value zero(Gradients g, Value part) {
      Value zero = g.temp(part);
      g.record(new ElementOp.Fill(0, zero));
      return zero;
    }
  }

  /** Parts side by side; the gradient of {@link Split}. */
  record Join(List<Value> parts, int groups, Value y) implements LayoutOp {
    @Override
    public List<Value> inputs() {
      return parts;
    }

    @Override
    public List<Value> outputs() {
      return List.of(y);
    }

    @Override
    public void check(OpCheck check) {
      int cols = parts.stream().mapToInt(part -> part.shape().cols()).sum();
      check.that(parts.stream().allMatch(part -> part.shape().sameRows(y.shape()) && part.shape().cols() % groups == 0) && cols == y.shape().cols(),
          "join", y.name(), "%s does not fall into %s, in %d groups", y.shape(), parts, groups);
    }

    @Override
    public void gradient(Gradients g) {
      List<Value> ds = parts.stream().map(g::temp).toList();
      g.record(new Split(g.grad(y), groups, ds));
      for (int i = 0; i < ds.size(); i++) {
        if (g.needs(parts.get(i))) {
          g.passOn(parts.get(i), ds.get(i));
        }
      }
    }
  }

  /**
   * Columns of ranges of rows as rows of their own: y[i, j] = x[first + j, column] for j below length; what lies beyond is {@link #NOTHING}.
   *
   * @param spans I32 [rows of y, 3] = (first, length, column)
   */
  record Spread(Value x, Value spans, Value y) implements LayoutOp {
    @Override
    public List<Value> inputs() {
      return List.of(x, spans);
    }

    @Override
    public List<Value> outputs() {
      return List.of(y);
    }

    @Override
    public void check(OpCheck check) {
      check.table("spread", x.name(), "spans", spans, 3);
    }

    @Override
    public void gradient(Gradients g) {
      g.contribute(x, d -> new Collect(g.grad(y), spans, d));
    }
  }

  /** The gradient of {@link Spread}: dx[first + j, column] = dy[i, j], and 0 where no span lies. Spans do not overlap. */
  record Collect(Value dy, Value spans, Value dx) implements LayoutOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return List.of(dy, spans);
    }

    @Override
    public List<Value> outputs() {
      return List.of(dx);
    }
  }

  /**
   * What each position of a convolution's kernel sees, side by side: y[o, c·taps + t] = x[indices[o, t], c], 0 where the index is −1.
   *
   * @param indices I32 [rows of y, taps]; see {@link Convolution#indices}
   * @param inverse I32 [rows of x, taps]
   */
  record Unfold(Value x, Value indices, Value inverse, Value y) implements LayoutOp {
    @Override
    public List<Value> inputs() {
      return List.of(x, indices);
    }

    @Override
    public List<Value> outputs() {
      return List.of(y);
    }

    @Override
    public void check(OpCheck check) {
      int taps = indices.shape().cols();
      check.that(indices.integer() && inverse.integer() && inverse.shape().cols() == taps && inverse.shape().sameRows(x.shape()), "unfold", x.name(),
          "indices and inverse must be integers [outputs, taps] and [%s, taps], got %s %s and %s %s", x.shape(), indices.type(), indices.shape(),
          inverse.type(), inverse.shape());
    }

    @Override
    public void gradient(Gradients g) {
      g.contribute(x, d -> new Fold(g.grad(y), inverse, d));
    }
  }

  /** The gradient of {@link Unfold}: dx[i, c] = Σ over t of dy[inverse[i, t], c·taps + t]. */
  record Fold(Value dy, Value inverse, Value dx) implements LayoutOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return List.of(dy, inverse);
    }

    @Override
    public List<Value> outputs() {
      return List.of(dx);
    }
  }

  /** A logit so low that its exponential is 0 beside any other. */
  double NOTHING = -1e30;
}
