package io.github.lora4j.graph;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Norms of rows and their gradients; see {@link Op}. */
public sealed interface NormOp extends Op {

  /** y = layer norm of x; stats keeps (mean, rstd). */
  record LayerNorm(Value x, Value gamma, Value beta, double eps, Value y, Value stats) implements NormOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x, gamma, beta);
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
      Shape vector = Shape.vector(x.shape().cols());
      check.that(gamma.shape().equals(vector) && beta.shape().equals(vector), "layerNorm", gamma.name(), "weight %s and bias %s must be %s",
          gamma.shape(), beta.shape(), vector);
    }

    @Override
    public void gradient(Gradients g) {
      Value dy = g.grad(y);
      if (g.needs(gamma) || g.needs(beta)) {
        g.record(new LayerNormParamGrad(dy, x, stats, Optional.of(gamma).filter(g::needs).map(g::slot),
            Optional.of(beta).filter(g::needs).map(g::slot)));
      }
      g.extend(x, (addend, d) -> new LayerNormGrad(dy, x, stats, gamma, addend, d));
    }

    @Override
    public Optional<Function<Value, Op>> again(Value output, Gradients g) {
      return output.equals(y) && g.needs(x)
          ? Optional.of(copy -> new LayerNorm(x, gamma, beta, eps, copy, g.temp(copy.name() + ".stats", stats.shape()))) : Optional.empty();
    }
  }

  /** dx of a layer norm, plus addend. */
  record LayerNormGrad(Value dy, Value x, Value stats, Value gamma, Optional<Value> addend, Value dx) implements NormOp, Op.NoGradient {
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

  /** dgamma += Σ dy·x̂; dbeta += Σ dy. */
  record LayerNormParamGrad(Value dy, Value x, Value stats, Optional<Value> dgamma, Optional<Value> dbeta) implements NormOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(dy, x, stats);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(dgamma, dbeta);
    }
  }

  /** y = x / max(‖x‖, eps), row by row. */
  record L2Normalize(Value x, double eps, Value y, Value norms) implements NormOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(y, norms);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(x);
    }

    @Override
    public void gradient(Gradients g) {
      g.contribute(x, d -> new L2NormalizeGrad(g.grad(y), y, norms, d));
    }
  }

  /** dx of {@link L2Normalize} for rows longer than its eps, which is there for rows of zeros. */
  record L2NormalizeGrad(Value dy, Value y, Value norms, Value dx) implements NormOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(dy, y, norms);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(dx);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(dy);
    }
  }
}
