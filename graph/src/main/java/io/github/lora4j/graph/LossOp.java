package io.github.lora4j.graph;

import java.util.List;
import java.util.Optional;
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

  /**
   * What stands between a product over the vocabulary and its softmax: z = cap·tanh(scale·product / cap).
   *
   * @param cap 0: z = scale·product
   */
  record Logits(double scale, double cap) {
    /** The product itself. */
    public static final Logits PLAIN = new Logits(1, 0);
  }

  /**
   * What becomes of labels.
   *
   * @param logProbability log-probability of each row's label, 0 where there is none [rows, 1]
   * @param likeliest the column with the largest logit, the first of several [rows, 1]
   */
  record Labelled(Value logProbability, Value likeliest) {}

  /**
   * The log-probability of each row's label under a frozen layer over the vocabulary: y[i] = log softmax(z[i])[labels[i]] with the {@link Logits}
   * z of x·wᵀ + bias, and 0 where the label is −1 or −100. Logits are made in chunks of the vocabulary and are never whole: maximum and sum run along.
   *
   * <p>A row has one label, so its gradient is dy[i] times a slope that does not depend on the loss, and that is made in the same pass:
   * slope[i] = Σⱼ ([labels[i] = j] − softmax(z[i])[j])·∂z/∂x, which costs the product that the gradient of the logits would cost, and no other.
   *
   * @param bias frozen [words]; none where logits are not {@link Logits#PLAIN}
   * @param labels I32 [rows, 1]
   * @param slope [rows, hidden]; present once the op has been differentiated
   */
  record LabelLogProbability(Value x, Value w, Optional<Value> bias, Value labels, Logits logits, Labelled y, Optional<Value> slope)
      implements LossOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x, w, bias, labels);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(y.logProbability, y.likeliest, slope);
    }

    /** With a slope both products; the label's columns are not counted. */
    @Override
    public long flops() {
      return (slope.isPresent() ? 2 : 1) * Op.product(x, w.shape().rows(), w.shape().cols());
    }

    @Override
    public void check(OpCheck check) {
      check.that(w.role() == Value.Role.FROZEN && w.shape().axis().isEmpty() && x.shape().cols() == w.shape().cols(), "labelLogProbability", w.name(),
          "the weight must be frozen and as wide as the input %s, got %s %s", x.shape(), w.role(), w.shape());
      check.that(labels.integer() && labels.shape().equals(x.shape().withCols(1)), "labelLogProbability", w.name(),
          "there must be one label for each row of %s, got %s %s", x.shape(), labels.type(), labels.shape());
      bias.ifPresent(b -> check.that(b.role() == Value.Role.FROZEN && b.shape().equals(Shape.vector(w.shape().rows())) && logits.equals(Logits.PLAIN),
          "labelLogProbability", b.name(), "a bias must be frozen, have a number for each of the weight's rows %s, and logits without scale and cap; got %s %s, %s",
          w.shape(), b.role(), b.shape(), logits));
    }

    @Override
    public void gradient(Gradients g) {
      g.contribute(x, d -> {
        Value made = g.temp(w.name() + ".slope", x.shape());
        g.replace(this, new LabelLogProbability(x, w, bias, labels, logits, y, Optional.of(made)));
        return new ElementOp.ScaleRows(made, g.grad(y.logProbability), d);
      });
    }

    @Override
    public List<Followed> followed() {
      return List.of(new Followed(labels, w.shape().rows(), Set.of(-1, -100), "labels of " + w.name()));
    }
  }

  /** y[i] = the column of the largest of logits[i], the first of several. */
  record Likeliest(Value logits, Value y) implements LossOp, Op.Constant {
    @Override
    public List<Value> inputs() {
      return Op.list(logits);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(y);
    }
  }

  private static List<Followed> columns(Value logits, Value columns) {
    return List.of(new Followed(columns, logits.shape().cols(), Set.of(-1, -100), "columns of " + logits.name()));
  }
}
