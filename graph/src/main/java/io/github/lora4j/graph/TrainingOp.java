package io.github.lora4j.graph;

import io.github.lora4j.vector.Loss;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Losses, their sums, and the ends of an optimizer step; see {@link Op}. */
public sealed interface TrainingOp extends Op {

  /** Row losses; the end of a differentiable program. */
  record RowLoss(Loss loss, Value predictions, Value labels, Value rowLoss) implements TrainingOp {
    @Override
    public List<Value> inputs() {
      return Op.list(predictions, labels);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(rowLoss);
    }
  }

  /** Gradient of the sum of row losses. */
  record RowLossGrad(Loss loss, Value predictions, Value labels, Value dPredictions) implements TrainingOp {
    @Override
    public List<Value> inputs() {
      return Op.list(predictions, labels);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(dPredictions);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(predictions);
    }
  }

  /** Multiple-negatives ranking loss; probs keeps what the gradient needs. */
  record InBatchNegatives(Value a, Value b, double scale, Value probs, Value rowLoss) implements TrainingOp {
    @Override
    public List<Value> inputs() {
      return Op.list(a, b);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(probs, rowLoss);
    }

    @Override
    public long flops() {
      return Op.product(a, b.shape().rows(), b.shape().cols());
    }
  }

  /** da, or with {@code transposed} db, of {@link InBatchNegatives}. */
  record InBatchNegativesGrad(Value probs, Value other, boolean transposed, double scale, Value out) implements TrainingOp {
    @Override
    public List<Value> inputs() {
      return Op.list(probs, other);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(out);
    }

    @Override
    public long flops() {
      return Op.product(other, other.shape().rows(), other.shape().cols());
    }
  }

  /** total += Σ of the one column of x. */
  record AddSum(Value x, Value total) implements TrainingOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(total);
    }
  }

  /** total += counted targets of the labels; without a loss kind, the live rows. */
  record CountTargets(Optional<Loss> loss, Value labels, Value total) implements TrainingOp {
    @Override
    public List<Value> inputs() {
      return Op.list(labels);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(total);
    }
  }

  /**
   * An optimizer step over the whole arena: mean loss = lossSum/count, gradient norm = ‖gradients‖/count, then the update of
   * every trainable with g/count clipped to the norm. Nothing is updated when no target was counted, or when loss or norm is not
   * finite: the caller reads the report and stops. Gradients and sums stay as they are until {@link ClearGradients}, for ops that
   * look at them after the update.
   *
   * @param hyper F32 [1, groups + 2] = (learning rate of each group..., 1 − β₁ᵗ, 1 − β₂ᵗ)
   * @param report STATE [1, 3]: (mean loss, gradient norm before clipping, factor from the gradient sums to the gradients used)
   * @param preconditioned for some gradients, what takes their place in the update; norm and clipping know the gradients alone
   */
  record OptimizerStep(OptimizerSpec spec, Value hyper, Value lossSum, Value count, Value report, Map<Value, Value> preconditioned)
      implements TrainingOp {
    /** Copies the map. */
    public OptimizerStep {
      preconditioned = Map.copyOf(preconditioned);
    }

    @Override
    public List<Value> inputs() {
      List<Value> all = new ArrayList<>(Op.list(hyper, lossSum, count));
      preconditioned.values().stream().sorted(Comparator.comparingInt(Value::id)).forEach(all::add);
      return all;
    }

    @Override
    public List<Value> outputs() {
      return Op.list(report);
    }
  }

  /** The gradients of all trainables, lossSum and count are zero again. */
  record ClearGradients(Value lossSum, Value count) implements TrainingOp {
    @Override
    public List<Value> inputs() {
      return List.of();
    }

    @Override
    public List<Value> outputs() {
      return Op.list(lossSum, count);
    }
  }
}
