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

    @Override
    public void check(OpCheck check) {
      Shape vector = Shape.vector(x.shape().cols());
      check.same("scaleColumns", scale.name(), scale.shape(), vector);
      center.ifPresent(c -> check.same("scaleColumns center", c.name(), c.shape(), vector));
    }

    @Override
    public void gradient(Gradients g) {
      Value dy = g.grad(y);
      g.contribute(scale, d -> new ColumnDots(dy, x, center, d));
      center.ifPresent(c -> g.contribute(c, d -> {
        // Σ dy·(1 − scale), which is what scaling 0 around Σ dy gives.
        Value sum = g.temp(c);
        g.record(new ProductOp.ColumnSum(dy, sum));
        Value zero = g.temp(c);
        g.record(new ElementOp.Scale(sum, 0, zero));
        return new ScaleColumns(zero, scale, Optional.of(sum), d);
      }));
      g.contribute(x, d -> new ScaleColumns(dy, scale, Optional.empty(), d));
    }
  }

  /** sums = Σ over rows of dy·(x − center): the gradient of the scale of {@link ScaleColumns}. */
  record ColumnDots(Value dy, Value x, Optional<Value> center, Value sums) implements AdapterOp, Op.NoGradient {
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
  record AddTo(Value x, Value total) implements AdapterOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(x);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(total);
    }
  }

  /**
   * One matrix' share of AdaLoRA's orthogonality term, from its Gram matrix G = P·Pᵀ (or Pᵀ·P): penalty = weight·‖G − I‖ (Frobenius), and the
   * factor F = count·weight·2·(G − I)/‖G − I‖ that makes F·P (or P·F) its gradient, scaled like the sums it is added to. Both are 0 where
   * G = I.
   *
   * @param first whether the penalty starts anew or is added to
   * @param count counted targets, which gradient sums are divided by [1, 1]
   * @param penalty STATE [1, 1]
   */
  record GramPenalty(Value gram, double weight, boolean first, Value count, Value penalty, Value factor) implements AdapterOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(gram, count);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(penalty, factor);
    }

    @Override
    public void check(OpCheck check) {
      check.total("orthogonality", count);
      check.total("orthogonality", penalty);
    }
  }

  /**
   * Updates AdaLoRA's sensitivity and uncertainty of one matrix (see {@link io.github.lora4j.vector.Kernels#sensitivity}) and scores its
   * singular directions with s = Ī·Ū: the mean of s over each row, or over each column.
   *
   * @param report (mean loss, gradient norm, factor from gradient sums to gradients) of the step
   * @param importance STATE of theta's shape
   * @param uncertainty STATE of theta's shape
   * @param byColumn whether a direction is a column (B) or a row (A, E)
   * @param first whether scores start anew or are added to
   * @param scores STATE [1, directions]
   */
  record Sensitivity(Value theta, Value grad, Value report, double beta1, double beta2, Value importance, Value uncertainty, boolean byColumn,
      boolean first, Value scores) implements AdapterOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(theta, grad, report);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(importance, uncertainty, scores);
    }

    @Override
    public void check(OpCheck check) {
      int directions = byColumn ? theta.shape().cols() : theta.shape().rows();
      check.same("sensitivity", theta.name(), scores.shape(), Shape.vector(directions));
    }
  }

  /** theta = 0 where the mask is 0, in place. */
  record Mask(Value theta, Value mask) implements AdapterOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(mask);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(theta);
    }

    @Override
    public void check(OpCheck check) {
      check.same("mask", theta.name(), mask.shape(), theta.shape());
    }
  }

  /**
   * DoRA's reciprocal norms, one for each output o of W + s·B·A, without making that matrix (Liu et al. 2024, section 4.3):
   * ‖·‖² = ‖wₒ‖² + 2s·Σₖ B[o,k]·M[k,o] + s²·Σₖ T[o,k]·B[o,k].
   *
   * @param norms ‖wₒ‖ of the base weight [1, out]
   * @param m A·Wᵀ [r, out]
   * @param b B [out, r]
   * @param t B·(A·Aᵀ) [out, r]
   * @param inverse STATE, written [1, out]
   */
  record DoraNorm(Value norms, Value m, Value b, Value t, double scaling, Value inverse) implements AdapterOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(norms, m, b, t);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(inverse);
    }

    @Override
    public void check(OpCheck check) {
      Shape outputs = Shape.vector(b.shape().rows());
      check.same("doraNorm", b.name(), norms.shape(), outputs);
      check.same("doraNorm", b.name(), inverse.shape(), outputs);
    }
  }
}
