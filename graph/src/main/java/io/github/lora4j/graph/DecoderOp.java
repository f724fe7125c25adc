package io.github.lora4j.graph;

import java.util.List;
import java.util.Optional;

/** Ops of decoder models; see {@link Op}. */
public sealed interface DecoderOp extends Op {

  /** y = root-mean-square norm of x; stats keeps rstd. */
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
  }

  /** dx of {@link RmsNorm}, plus addend. */
  record RmsNormGrad(Value dy, Value x, Value stats, Value gamma, Optional<Value> addend, Value dx) implements DecoderOp {
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
  record RmsNormParamGrad(Value dy, Value x, Value stats, Value dgamma) implements DecoderOp {
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
   * @param table cosines and sines [positions, headDim], see {@link io.github.lora4j.vector.Kernels#rope}
   */
  record Rope(Value x, Value positions, Value table, int heads, boolean inverse, Value y) implements DecoderOp {
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
  }
}
