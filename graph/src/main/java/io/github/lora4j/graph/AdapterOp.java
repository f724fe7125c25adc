package io.github.lora4j.graph;

import java.util.List;
import java.util.Optional;

/** Ops that adapters need beside those of models; see {@link Op}. */
public sealed interface AdapterOp extends Op {

  /**
   * y = center + (x − center)·scale, column by column; without a center, x·scale. With the center at a linear module's bias this scales
   * what the weight computed and leaves the bias.
   *
   * @param scale [1, cols]
   * @param center [1, cols]
   */
  record ScaleColumns(Value x, Value scale, Optional<Value> center, Value y) implements AdapterOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x, scale, center);
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

  /** sums = Σ over rows of dy·(x − center): the gradient of the scale of {@link ScaleColumns}. */
  record ColumnDots(Value dy, Value x, Optional<Value> center, Value sums) implements AdapterOp {
    @Override
    public List<Value> inputs() {
      return Op.list(dy, x, center);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(sums);
    }
  }

  /** total += x, where total is the gradient of a trainable or a state. */
  record AddTo(Value x, Value total) implements AdapterOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(total);
    }
  }
}
