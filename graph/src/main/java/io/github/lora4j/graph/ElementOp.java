package io.github.lora4j.graph;

import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.ScalarFunction;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Ops on each element by itself; see {@link Op}. */
public sealed interface ElementOp extends Op {

  /** out = x + y. */
  record Add(Value x, Value y, Value out) implements ElementOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x, y);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(out);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(x, y);
    }

    @Override
    public void check(OpCheck check) {
      check.same("add", x.name(), y.shape(), x.shape());
    }

    @Override
    public void gradient(Gradients g) {
      g.passOn(x, g.grad(out));
      g.passOn(y, g.grad(out));
    }
  }

  /** out = x · y, element by element. */
  record Multiply(Value x, Value y, Value out) implements ElementOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x, y);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(out);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(x, y);
    }

    @Override
    public void check(OpCheck check) {
      check.same("multiply", x.name(), y.shape(), x.shape());
    }

    @Override
    public void gradient(Gradients g) {
      Value dy = g.grad(out);
      g.contribute(x, d -> new Multiply(dy, y, d));
      g.contribute(y, d -> new Multiply(dy, x, d));
    }
  }

  /** out = alpha · x. */
  record Scale(Value x, double alpha, Value out) implements ElementOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(out);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(x);
    }

    @Override
    public void gradient(Gradients g) {
      g.contribute(x, d -> new Scale(g.grad(out), alpha, d));
    }
  }

  /** y = f(x). */
  record Activate(Activation f, Value x, Value y) implements ElementOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(y);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(x);
    }

    @Override
    public void gradient(Gradients g) {
      g.contribute(x, d -> new ActivateGrad(f, x, g.grad(y), d));
    }

    @Override
    public Optional<Function<Value, Op>> again(Value output, Gradients g) {
      return g.needs(x) ? Optional.of(copy -> new Activate(f, x, copy)) : Optional.empty();
    }
  }

  /** dx = dy · f'(x). */
  record ActivateGrad(Activation f, Value x, Value dy, Value dx) implements ElementOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(x, dy);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(dx);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(dy, x);
    }
  }

  /**
   * Inverted dropout; its own gradient.
   *
   * @param site its name keys the mask, so that no mask depends on recording order
   */
  record Dropout(Value x, Value rowKeys, Value random, String site, double p, Value out) implements ElementOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x, rowKeys, random);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(out);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(x);
    }

    @Override
    public void check(OpCheck check) {
      check.that(p > 0 && p < 1, "dropout", site, "probability must be in [0, 1), got %s", p);
      check.that(rowKeys.integer() && rowKeys.shape().equals(x.shape().withCols(2)), "dropout", site,
          "row keys must be integers %s, got %s %s", x.shape().withCols(2), rowKeys.type(), rowKeys.shape());
      check.that(random.integer() && random.shape().equals(Shape.vector(3)), "dropout", site, "random must be integers [1, 3], got %s %s",
          random.type(), random.shape());
    }

    @Override
    public void gradient(Gradients g) {
      g.contribute(x, d -> new Dropout(g.grad(out), rowKeys, random, site, p, d));
    }

    /** Where what is dropped can be made again. */
    @Override
    public Optional<Function<Value, Op>> again(Value output, Gradients g) {
      return g.recomputable(x) ? Optional.of(copy -> new Dropout(g.recomputed(x), rowKeys, random, site, p, copy)) : Optional.empty();
    }

    /** A stable hash of the site's name. */
    public int siteHash() {
      return Graph.siteHash(site);
    }
  }

  /** out = x + beta. */
  record Shift(Value x, double beta, Value out) implements ElementOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(out);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(x);
    }

    @Override
    public void gradient(Gradients g) {
      g.passOn(x, g.grad(out));
    }
  }

  /** out = value, in every live row. */
  record Fill(double value, Value out) implements ElementOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return List.of();
    }

    @Override
    public List<Value> outputs() {
      return Op.list(out);
    }
  }

  /** out = x, through which no gradient flows: a reference, a threshold, what is only reported. */
  record Stop(Value x, Value out) implements ElementOp, Op.Constant {
    @Override
    public List<Value> inputs() {
      return Op.list(x);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(out);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(x);
    }
  }

  /** y = f(x). */
  record Apply(ScalarFunction f, Value x, Value y) implements ElementOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(y);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(x);
    }

    @Override
    public void gradient(Gradients g) {
      g.contribute(x, d -> new ApplyGrad(f, x, g.grad(y), d));
    }
  }

  /** dx = dy · f'(x). */
  record ApplyGrad(ScalarFunction f, Value x, Value dy, Value dx) implements ElementOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(x, dy);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(dx);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(dy, x);
    }
  }

  /** out[i, j] = x[i, j] · factors[i]; factors [rows, 1]. */
  record ScaleRows(Value x, Value factors, Value out) implements ElementOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x, factors);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(out);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(x);
    }

    @Override
    public void check(OpCheck check) {
      check.same("scaleRows", x.name(), factors.shape(), x.shape().withCols(1));
    }

    @Override
    public void gradient(Gradients g) {
      Value dy = g.grad(out);
      g.contribute(factors, d -> new RowDots(dy, x, d));
      g.contribute(x, d -> new ScaleRows(dy, factors, d));
    }
  }

  /** dots[i] = Σⱼ x[i, j] · y[i, j]. */
  record RowDots(Value x, Value y, Value dots) implements ElementOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x, y);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(dots);
    }

    @Override
    public void check(OpCheck check) {
      check.same("rowDots", x.name(), y.shape(), x.shape());
    }

    @Override
    public void gradient(Gradients g) {
      Value d = g.grad(dots);
      g.contribute(x, dx -> new ScaleRows(y, d, dx));
      g.contribute(y, dy -> new ScaleRows(x, d, dy));
    }
  }
}
