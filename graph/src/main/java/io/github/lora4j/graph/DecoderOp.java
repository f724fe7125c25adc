package io.github.lora4j.graph;

import io.github.lora4j.vector.Kernels;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Ops of decoder models; see {@link Op}. */
public sealed interface DecoderOp extends Op {

  /**
   * y = root-mean-square norm of x; stats keeps rstd. Where gamma has fewer columns than x, each group of so many columns, a head, is a row of
   * its own.
   */
  record RmsNorm(Value x, Value gamma, double eps, Value y, Value stats) implements DecoderOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x, gamma);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(y, stats);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(x);
    }

    @Override
    public void check(OpCheck check) {
      int heads = stats.shape().cols();
      check.that(gamma.shape().equals(Shape.vector(gamma.shape().cols())) && heads * gamma.shape().cols() == x.shape().cols(), "rmsNorm",
          gamma.name(), "a weight of %s does not divide rows of %s", gamma.shape(), x.shape());
    }

    @Override
    public void gradient(Gradients g) {
      Value dy = g.grad(y);
      g.contribute(gamma, d -> new RmsNormParamGrad(dy, x, stats, d));
      g.extend(x, (addend, d) -> new RmsNormGrad(dy, x, stats, gamma, addend, d));
    }

    @Override
    public Optional<Function<Value, Op>> again(Value output, Gradients g) {
      return output.equals(y) && g.needs(x)
          ? Optional.of(copy -> new RmsNorm(x, gamma, eps, copy, g.temp(copy.name() + ".stats", stats.shape()))) : Optional.empty();
    }
  }

  /** dx of {@link RmsNorm}, plus addend. */
  record RmsNormGrad(Value dy, Value x, Value stats, Value gamma, Optional<Value> addend, Value dx) implements DecoderOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(dy, x, stats, gamma, addend);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(dx);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(addend, dy);
    }
  }

  /** dgamma = Σ dy·x·rstd. */
  record RmsNormParamGrad(Value dy, Value x, Value stats, Value dgamma) implements DecoderOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(dy, x, stats);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(dgamma);
    }
  }

  /**
   * Rotary position embedding of every head; {@code inverse} turns back, which is its gradient.
   *
   * @param positions I32 [rows, 1]
   * @param table cosines and sines [positions, turned columns of a head], see {@link Kernels#rope}
   * @param turn which columns make pairs
   */
  record Rope(Value x, Value positions, Value table, Kernels.Turn turn, boolean inverse, Value y) implements DecoderOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x, positions, table);
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
    public void check(OpCheck check) {
      check.that(positions.integer() && positions.shape().equals(x.shape().withCols(1)), "rope", x.name(), "positions must be integers %s, got %s %s",
          x.shape().withCols(1), positions.type(), positions.shape());
      check.that(turn.headDim() * turn.heads() == x.shape().cols() && turn.columns() % 2 == 0 && turn.columns() <= turn.headDim()
          && turn.columns() == table.shape().cols(), "rope", x.name(), "%d heads of %d, of which %d columns turn (an even number), do not make %s",
          turn.heads(), turn.headDim(), table.shape().cols(), x.shape());
    }

    @Override
    public void gradient(Gradients g) {
      g.contribute(x, d -> new Rope(g.grad(y), positions, table, turn, !inverse, d));
    }
  }
}
