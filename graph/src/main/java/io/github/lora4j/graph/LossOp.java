package io.github.lora4j.graph;

import java.util.List;
import java.util.Set;

/** Ops that losses are made of, beside arithmetic; see {@link Op}. */
public sealed interface LossOp extends Op {

  /**
   * y[i, k] = log softmax(logits[i])[columns[i, k]], and 0 where the column is −1 or −100: the log-probability of a token, or of each of a teacher's
   * likeliest. The sum over columns has a running maximum, so it may be made in chunks of the vocabulary.
   *
   * @param columns I32 [rows, k]
   * @param stats (largest logit, Σ exp(logit − largest)) of each row, for the gradient
   */
  record LogSoftmaxAt(Value logits, Value columns, Value y, Value stats) implements LossOp {
    @Override
    public List<Value> inputs() {
      return Op.list(logits, columns);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(y, stats);
    }

    @Override
    public void check(OpCheck check) {
      check.that(columns.integer() && columns.shape().sameRows(logits.shape()), "logSoftmaxAt", logits.name(),
          "columns must be integers with a row for each of %s, got %s %s", logits.shape(), columns.type(), columns.shape());
    }

    @Override
    public void gradient(Gradients g) {
      g.contribute(logits, d -> new LogSoftmaxAtGrad(logits, columns, stats, g.grad(y), d));
    }

    @Override
    public List<Followed> followed() {
      return LossOp.columns(logits, columns);
    }
  }

  /** dLogits[i, j] = Σₖ dy[i, k]·([columns[i, k] = j] − softmax(logits[i])[j]) over the k that have a column. */
  record LogSoftmaxAtGrad(Value logits, Value columns, Value stats, Value dy, Value dLogits) implements LossOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(logits, columns, stats, dy);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(dLogits);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(logits);
    }

    @Override
    public List<Followed> followed() {
      return LossOp.columns(logits, columns);
    }
  }

  private static List<Followed> columns(Value logits, Value columns) {
    return List.of(new Followed(columns, logits.shape().cols(), Set.of(-1, -100), "columns of " + logits.name()));
  }
}
