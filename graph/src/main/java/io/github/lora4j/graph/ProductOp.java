package io.github.lora4j.graph;

import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Optional;

/** Matrix products and their gradients; see {@link Op}. */
public sealed interface ProductOp extends Op {

  /** y = alpha·x·wᵀ + bias + addend; x [rows, in], w [out, in]. */
  record Linear(Value x, Value w, Optional<Value> bias, Optional<Value> addend, double alpha, Value y) implements ProductOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x, w, bias, addend);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(y);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(addend);
    }

    @Override
    public long flops() {
      return Op.product(x, w.shape().rows(), w.shape().cols());
    }

    @Override
    public void check(OpCheck check) {
      check.that(w.shape().axis().isEmpty() && x.shape().cols() == w.shape().cols(), "linear", w.name(), "weight is %s but input is %s", w.shape(),
          x.shape());
      bias.ifPresent(b -> check.that(b.shape().equals(Shape.vector(w.shape().rows())), "linear", b.name(), "bias is %s but output is %s", b.shape(),
          y.shape()));
      addend.ifPresent(a -> check.same("linear addend", w.name(), a.shape(), y.shape()));
    }

    @Override
    public void gradient(Gradients g) {
      Value dy = g.grad(y);
      bias.filter(g::needs).ifPresent(b -> {
        if (b.slot()) {
          g.record(new ColumnSum(dy, g.slot(b)));
        } else {
          g.contribute(b, d -> new ColumnSum(dy, d));
        }
      });
      if (g.needs(w)) {
        g.record(new LinearWeightGrad(dy, g.recomputed(x), alpha, weightSlot("linear", w, g)));
      }
      g.extend(x, (more, d) -> new LinearInputGrad(dy, w, more, alpha, d));
      addend.ifPresent(a -> g.passOn(a, dy));
    }

    /** Whether this is x·wᵀ, or x·wᵀ + bias, of what is frozen, and nothing else. */
    boolean plain() {
      return w.role() == Value.Role.FROZEN && bias.stream().allMatch(b -> b.role() == Value.Role.FROZEN) && addend.isEmpty() && alpha == 1;
    }

    /** An activation of what a frozen weight gives; trainable ones are small, and not packed. */
    @Override
    public boolean fuses(Op next) {
      return w.role() == Value.Role.FROZEN && next instanceof ElementOp.Activate a && a.x().equals(y);
    }
  }

  /** dx = alpha·dy·w + addend; recorded forward, a product with a weight that is stored the other way round. */
  record LinearInputGrad(Value dy, Value w, Optional<Value> addend, double alpha, Value dx) implements ProductOp {
    @Override
    public List<Value> inputs() {
      return Op.list(dy, w, addend);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(dx);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(addend);
    }

    @Override
    public long flops() {
      return Op.product(dy, w.shape().rows(), w.shape().cols());
    }

    @Override
    public void check(OpCheck check) {
      check.that(w.shape().axis().isEmpty() && dy.shape().cols() == w.shape().rows(), "linearTransposed", w.name(), "weight is %s but input is %s",
          w.shape(), dy.shape());
      addend.ifPresent(a -> check.same("linearTransposed addend", w.name(), a.shape(), dx.shape()));
    }

    @Override
    public void gradient(Gradients g) {
      Value d = g.grad(dx);
      if (g.needs(w)) {
        g.record(new LinearWeightGrad(g.recomputed(dy), d, alpha, weightSlot("linearTransposed", w, g)));
      }
      g.extend(dy, (more, to) -> new Linear(d, w, Optional.empty(), more, alpha, to));
      addend.ifPresent(a -> g.passOn(a, d));
    }

    @Override
    public boolean fuses(Op next) {
      return w.role() == Value.Role.FROZEN && next instanceof ElementOp.ActivateGrad a && a.dy().equals(dx);
    }
  }

  /** dw += alpha·dyᵀ·x. */
  record LinearWeightGrad(Value dy, Value x, double alpha, Value dw) implements ProductOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(dy, x);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(dw);
    }

    @Override
    public long flops() {
      return Op.product(dy, dw.shape().rows(), dw.shape().cols());
    }
  }

  /** sums += Σ over rows of x. */
  record ColumnSum(Value x, Value sums) implements ProductOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(x);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(sums);
    }
  }

  private static Value weightSlot(String op, Value w, Gradients g) {
    if (!w.slot()) {
      throw new ConfigException("%s(%s): the weight is computed, and no gradient flows to a computed weight".formatted(op, w.name()));
    }
    return g.slot(w);
  }
}
