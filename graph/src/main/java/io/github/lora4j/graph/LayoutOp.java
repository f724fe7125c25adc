package io.github.lora4j.graph;

import java.util.List;

/** Ops that move elements and compute nothing; see {@link Op}. */
public sealed interface LayoutOp extends Op {

  /** The columns of x in equal parts, from left to right. */
  record Split(Value x, List<Value> parts) implements LayoutOp {
    @Override
    public List<Value> inputs() {
      return List.of(x);
    }

    @Override
    public List<Value> outputs() {
      return parts;
    }
  }

  /** Parts side by side; the gradient of {@link Split}. */
  record Join(List<Value> parts, Value y) implements LayoutOp {
    @Override
    public List<Value> inputs() {
      return parts;
    }

    @Override
    public List<Value> outputs() {
      return List.of(y);
    }
  }
}
