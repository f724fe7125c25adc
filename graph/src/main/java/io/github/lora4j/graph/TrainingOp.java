package io.github.lora4j.graph;

import io.github.lora4j.vector.Loss;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

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

    @Override
    public void check(OpCheck check) {
      boolean classes = loss == Loss.CROSS_ENTROPY;
      check.that(labels.integer() == classes && labels.shape().equals(predictions.shape().withCols(classes ? 1 : predictions.shape().cols())), "loss",
          labels.name(), "%s of predictions %s cannot use labels %s %s", loss, predictions.shape(), labels.type(), labels.shape());
    }

    @Override
    public void gradient(Gradients g) {
      if (g.start(rowLoss)) {
        g.contribute(predictions, d -> new RowLossGrad(loss, predictions, labels, d));
      } else {
        g.contribute(predictions, d -> weighted(g, rowLoss, predictions, to -> new RowLossGrad(loss, predictions, labels, to), d));
      }
    }

    @Override
    public List<Followed> followed() {
      return classes(loss, predictions, labels);
    }
  }

  /** Gradient of the sum of row losses. */
  record RowLossGrad(Loss loss, Value predictions, Value labels, Value dPredictions) implements TrainingOp, Op.NoGradient {
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

    @Override
    public List<Followed> followed() {
      return classes(loss, predictions, labels);
    }
  }

  /** Multiple-negatives ranking loss: row i of b is the right one for row i of a, all other rows of b are wrong; probs keeps what the gradient needs. */
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

    @Override
    public void check(OpCheck check) {
      check.that(a.shape().cols() == b.shape().cols() && b.shape().rows() >= a.shape().rows(), "inBatchNegatives", a.name(),
          "what is chosen from must be as wide and have at least as many rows as %s, got %s", a.shape(), b.shape());
    }

    /** Rows of b have terms from all rows of the loss, which probs must know the weights of. */
    @Override
    public void gradient(Gradients g) {
      Value weights = g.start(rowLoss) ? probs : g.temp(probs);
      if (!g.start(rowLoss)) {
        g.record(new ElementOp.ScaleRows(probs, g.grad(rowLoss), weights));
      }
      g.contribute(a, d -> new InBatchNegativesGrad(weights, b, false, scale, d));
      g.contribute(b, d -> new InBatchNegativesGrad(weights, a, true, scale, d));
    }
  }

  /** da, or with {@code transposed} db, of {@link InBatchNegatives}. */
  record InBatchNegativesGrad(Value probs, Value other, boolean transposed, double scale, Value out) implements TrainingOp, Op.NoGradient {
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
  record AddSum(Value x, Value total) implements TrainingOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(x);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(total);
    }

    @Override
    public void check(OpCheck check) {
      check.total("addSum", total);
    }
  }

  /** total += counted targets of the labels; without a loss kind, the live rows. */
  record CountTargets(Optional<Loss> loss, Value labels, Value total) implements TrainingOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(labels);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(total);
    }

    @Override
    public void check(OpCheck check) {
      check.total("countTargets", total);
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
      implements TrainingOp, Op.NoGradient {
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

    @Override
    public void check(OpCheck check) {
      check.total("optimizerStep", lossSum);
      check.total("optimizerStep", count);
      check.that(report.role() == Value.Role.STATE && report.shape().equals(Shape.vector(3)), "optimizerStep", report.name(),
          "the report must be a state [1, 3], got %s %s", report.role(), report.shape());
      Shape numbers = Shape.vector(spec.decay().size() + 2);
      check.that(!hyper.integer() && hyper.shape().equals(numbers), "optimizerStep", hyper.name(),
          "%d parameter groups need hyperparameters %s, got %s %s", spec.decay().size(), numbers, hyper.type(), hyper.shape());
    }

    @Override
    public Set<Executable.Arena> arenas() {
      return switch (spec.kind()) {
        case SGD -> EnumSet.of(Executable.Arena.GRADIENTS, Executable.Arena.MOMENT1);
        case ADAMW, ADAM, LORAFA -> EnumSet.of(Executable.Arena.GRADIENTS, Executable.Arena.MOMENT1, Executable.Arena.MOMENT2);
        case AMSGRAD -> EnumSet.complementOf(EnumSet.of(Executable.Arena.PARAMETERS));
      };
    }
  }

  /** The gradients of all trainables, lossSum and count are zero again. */
  record ClearGradients(Value lossSum, Value count) implements TrainingOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return List.of();
    }

    @Override
    public List<Value> outputs() {
      return Op.list(lossSum, count);
    }

    @Override
    public Set<Executable.Arena> arenas() {
      return EnumSet.of(Executable.Arena.GRADIENTS);
    }
  }

  private static List<Followed> classes(Loss loss, Value predictions, Value labels) {
    return loss == Loss.CROSS_ENTROPY ? List.of(new Followed(labels, predictions.shape().cols(), Set.of(-100), "labels")) : List.of();
  }

  /** A gradient of the sum of row losses whose rows are then multiplied by what the sum is differentiated with. */
  private static Op weighted(Gradients g, Value rowLoss, Value predictions, Function<Value, Op> unweighted, Value d) {
    Value all = g.temp(predictions);
    g.record(unweighted.apply(all));
    return new ElementOp.ScaleRows(all, g.grad(rowLoss), d);
  }
}
