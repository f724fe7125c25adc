package io.github.lora4j.graph;

import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.ScalarFunction;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Records one entry of a program. Each method checks shapes, appends an {@link Op} and returns its result; nothing is computed.
 * Model code is written forward only, {@link #backward} appends the gradients.
 */
public final class Graph extends Recording {

  private final Map<Value, Value> preconditioned = new LinkedHashMap<>();
  private boolean differentiated;

  Graph(ProgramBuilder builder, String entry) {
    super(builder, entry);
  }

  /** y = x·wᵀ; x [rows, in], w [out, in]. */
  public Value linear(Value x, Value w) {
    return linear(x, w, 1);
  }

  /** y = alpha·x·wᵀ. */
  public Value linear(Value x, Value w, double alpha) {
    return linear(x, w, List.of(), List.of(), alpha);
  }

  /** y = x·wᵀ + bias; bias [1, out]. */
  public Value linear(Value x, Value w, Value bias) {
    return linear(x, w, List.of(bias), List.of(), 1);
  }

  /** y = alpha·x·wᵀ + addend; addend [rows, out]. */
  public Value linearOnto(Value x, Value w, Value addend, double alpha) {
    return linear(x, w, List.of(), List.of(addend), alpha);
  }

  /** y = alpha·x·wᵀ + bias + addend. */
  public Value linearOnto(Value x, Value w, Value bias, Value addend, double alpha) {
    return linear(x, w, List.of(bias), List.of(addend), alpha);
  }

  /** The same of a bias and an addend of which there may be none. */
  Value linear(Value x, Value w, List<Value> bias, List<Value> addend, double alpha) {
    Value y = temp(w.name() + ".y", x.shape().withCols(w.shape().rows()));
    record(new ProductOp.Linear(x, w, bias.stream().findFirst(), addend.stream().findFirst(), alpha, y));
    return y;
  }

  /** y = x·w: by a weight that is stored the other way round; x [rows, out], w [out, in], y [rows, in]. */
  public Value linearTransposed(Value x, Value w) {
    return linearTransposed(x, w, 1);
  }

  /** y = alpha·x·w. */
  public Value linearTransposed(Value x, Value w, double alpha) {
    return linearTransposed(x, w, List.of(), alpha);
  }

  /** y = alpha·x·w + addend. */
  public Value linearTransposedOnto(Value x, Value w, Value addend, double alpha) {
    return linearTransposed(x, w, List.of(addend), alpha);
  }

  private Value linearTransposed(Value x, Value w, List<Value> addend, double alpha) {
    Value y = temp(w.name() + ".yt", x.shape().withCols(w.shape().cols()));
    record(new ProductOp.LinearInputGrad(x, w, addend.stream().findFirst(), alpha, y));
    return y;
  }

  /** Rows of an embedding table by id. */
  public Value embedding(Value table, Value ids) {
    return embedding(table, ids, false);
  }

  /** y[i] = table[ids[i]] + addend[i]. */
  public Value embedding(Value table, Value ids, Value addend) {
    return gather(table, ids, List.of(), List.of(addend), false);
  }

  /** Rows of an embedding table whose gradient is divided by how often the ids have an entry, where that is said: torch's scale_grad_by_freq. */
  public Value embedding(Value table, Value ids, boolean scaleGradByFreq) {
    return gather(table, ids, List.of(), List.of(), scaleGradByFreq);
  }

  /** y[i] = table[ids[i]]; see {@link RowOp.Gather} for the inverse. */
  public Value gather(Value table, Value ids, Value inverse) {
    return gather(table, ids, List.of(inverse), List.of(), false);
  }

  /** y[i] = table[ids[i]] + addend[i]; see {@link RowOp.Gather} for the inverse. */
  public Value gather(Value table, Value ids, Value inverse, Value addend) {
    return gather(table, ids, List.of(inverse), List.of(addend), false);
  }

  /** The same of an inverse and an addend of which there may be none. */
  Value gather(Value table, Value ids, List<Value> inverse, List<Value> addend, boolean byFrequency) {
    Value y = temp(table.name() + ".rows", ids.shape().withCols(table.shape().cols()));
    record(new RowOp.Gather(table, ids, inverse.stream().findFirst(), addend.stream().findFirst(), byFrequency, y));
    if (table.role() == Value.Role.TRAINABLE) {
      builder.scatterIndex(ids);
    }
    return y;
  }

  /** state[rows[i]] = x[i]; see {@link RowOp.AppendRows}. */
  public void appendRows(Value x, Value rows, Value state) {
    record(new RowOp.AppendRows(x, rows, state));
  }

  /** Layer norm over columns. */
  public Value layerNorm(Value x, Value gamma, Value beta, double eps) {
    Value y = temp(gamma.name() + ".y", x.shape());
    record(new NormOp.LayerNorm(x, gamma, beta, eps, y, temp(gamma.name() + ".stats", x.shape().withCols(2))));
    return y;
  }

  /** The columns of x in equal parts, from left to right. */
  public List<Value> split(Value x, int parts) {
    new OpCheck(region).that(parts > 0 && x.shape().cols() % parts == 0, "split", x.name(), "%s has no %d equal parts", x.shape(), parts);
    return split(x, 1, Collections.nCopies(parts, x.shape().cols() / parts));
  }

  /**
   * The columns of x in parts, from left to right; of each of so many equal groups of columns (heads), the groups of a part side by side.
   *
   * @param widths of the parts, within a group
   */
  public List<Value> split(Value x, int groups, List<Integer> widths) {
    List<Value> list = new ArrayList<>();
    for (int width : widths) {
      list.add(temp(x.name() + "." + list.size(), x.shape().withCols(groups * width)));
    }
    record(new LayoutOp.Split(x, groups, list));
    return List.copyOf(list);
  }

  /** Parts of one shape side by side; the other way round than {@link #split}. */
  public Value join(List<Value> parts) {
    Value y = temp(parts.getFirst().name() + ".joined", parts.getFirst().shape().withCols(parts.size() * parts.getFirst().shape().cols()));
    record(new LayoutOp.Join(List.copyOf(parts), 1, y));
    return y;
  }

  /** Columns of ranges of rows as rows of up to {@code length}; see {@link LayoutOp.Spread}. */
  public Value spread(Value x, Value spans, int length) {
    Value y = temp(x.name() + ".spread", spans.shape().withCols(length));
    record(new LayoutOp.Spread(x, spans, y));
    return y;
  }

  /** What each position of a convolution's kernel sees, side by side; see {@link LayoutOp.Unfold}. */
  public Value unfold(Value x, Value indices, Value inverse) {
    Value y = temp(x.name() + ".unfolded", indices.shape().withCols(Math.multiplyExact(x.shape().cols(), indices.shape().cols())));
    record(new LayoutOp.Unfold(x, indices, inverse, y));
    return y;
  }

  /** Root-mean-square norm over columns, or over each group of as many columns as gamma has. */
  public Value rmsNorm(Value x, Value gamma, double eps) {
    Value y = temp(gamma.name() + ".y", x.shape());
    int heads = Math.max(1, x.shape().cols() / gamma.shape().cols());
    record(new DecoderOp.RmsNorm(x, gamma, eps, y, temp(gamma.name() + ".stats", x.shape().withCols(heads))));
    return y;
  }

  /** Turns every head of x by its row's position, whole heads by halves; see {@link DecoderOp.Rope}. */
  public Value rope(Value x, Value positions, Value table, int heads) {
    return rope(x, positions, table, new Kernels.Turn(heads, x.shape().cols() / heads, table.shape().cols(), false));
  }

  /** Turns every head of x by its row's position; see {@link DecoderOp.Rope}. */
  public Value rope(Value x, Value positions, Value table, Kernels.Turn turn) {
    Value y = temp(x.name() + ".turned", x.shape());
    record(new DecoderOp.Rope(x, positions, table, turn, false, y));
    return y;
  }

  /** x + y. */
  public Value add(Value x, Value y) {
    Value out = temp(x.name() + "+", x.shape());
    record(new ElementOp.Add(x, y, out));
    return out;
  }

  /** x · y, element by element. */
  public Value multiply(Value x, Value y) {
    Value out = temp(x.name() + "*", x.shape());
    record(new ElementOp.Multiply(x, y, out));
    return out;
  }

  /** alpha · x. */
  public Value scale(Value x, double alpha) {
    Value out = temp(x.name() + ".scaled", x.shape());
    record(new ElementOp.Scale(x, alpha, out));
    return out;
  }

  /** x + beta. */
  public Value shift(Value x, double beta) {
    Value out = temp(x.name() + ".shifted", x.shape());
    record(new ElementOp.Shift(x, beta, out));
    return out;
  }

  /** x − y. */
  public Value subtract(Value x, Value y) {
    return add(x, scale(y, -1));
  }

  /** x[i, j]·factors[i]; factors [rows, 1]. */
  public Value scaleRows(Value x, Value factors) {
    Value out = temp(x.name() + ".weighted", x.shape());
    record(new ElementOp.ScaleRows(x, factors, out));
    return out;
  }

  /** Σⱼ x[i, j]·y[i, j] of every row [rows, 1]. */
  public Value rowDots(Value x, Value y) {
    Value dots = temp(x.name() + ".dots", x.shape().withCols(1));
    record(new ElementOp.RowDots(x, y, dots));
    return dots;
  }

  /** f(x), a function of losses. */
  public Value apply(ScalarFunction f, Value x) {
    Value y = temp(x.name() + "." + f.name().toLowerCase(Locale.ROOT), x.shape());
    record(new ElementOp.Apply(f, x, y));
    return y;
  }

  /** Log-probabilities at columns of the softmax of each row; see {@link LossOp.LogSoftmaxAt}. */
  public Value logSoftmaxAt(Value logits, Value columns) {
    Value y = temp(logits.name() + ".logp", columns.shape());
    record(new LossOp.LogSoftmaxAt(logits, columns, y, temp(logits.name() + ".sums", logits.shape().withCols(2))));
    return y;
  }

  /**
   * Log-probabilities of labels under a product over the vocabulary. If the product is the op that was recorded last, and plain (of a frozen weight,
   * without addend, a bias frozen too), it is taken back, and logits are never whole: see {@link LossOp.LabelLogProbability}. What an adapter has
   * made of it is not plain: then there are logits.
   *
   * @param product [rows, words]
   * @param labels I32 [rows, 1]; −1 or −100: none
   */
  public LossOp.Labelled labelled(Value product, Value labels, LossOp.Logits logits) {
    Shape column = product.shape().withCols(1);
    LossOp.Labelled y = new LossOp.Labelled(temp(product.name() + ".logp", column), temp(product.name() + ".likeliest", column));
    if (nodes.getLast().op() instanceof ProductOp.Linear last && last.y().equals(product) && last.plain()
        && (last.bias().isEmpty() || logits.equals(LossOp.Logits.PLAIN))) {
      nodes.removeLast();
      record(new LossOp.LabelLogProbability(last.x(), last.w(), last.bias(), labels, logits, y, Optional.empty()));
      return y;
    }
    Value z = logits(product, logits);
    record(new LossOp.LogSoftmaxAt(z, labels, y.logProbability(), temp(product.name() + ".sums", product.shape().withCols(2))));
    record(new LossOp.Likeliest(z, y.likeliest()));
    return y;
  }

  /** What a model makes of a product over the vocabulary: cap·tanh(scale·product / cap). */
  public Value logits(Value product, LossOp.Logits logits) {
    if (logits.cap() == 0) {
      return logits.scale() == 1 ? product : scale(product, logits.scale());
    }
    return scale(activate(Activation.TANH, scale(product, logits.scale() / logits.cap())), logits.cap());
  }

  /** x·scale, column by column; scale [1, cols]. */
  public Value scaleColumns(Value x, Value scale) {
    Value y = temp(x.name() + ".columns", x.shape());
    record(new AdapterOp.ScaleColumns(x, scale, Optional.empty(), y));
    return y;
  }

  /** center + (x − center)·scale, column by column; see {@link AdapterOp.ScaleColumns}. */
  public Value scaleColumns(Value x, Value scale, Value center) {
    Value y = temp(x.name() + ".columns", x.shape());
    record(new AdapterOp.ScaleColumns(x, scale, Optional.of(center), y));
    return y;
  }

  /** f(x). */
  public Value activate(Activation f, Value x) {
    Value y = temp(x.name() + "." + f.name().toLowerCase(Locale.ROOT), x.shape());
    record(new ElementOp.Activate(f, x, y));
    return y;
  }

  /** Attention over segments; see {@link AttentionOp.Attention}. */
  public Value attention(AttentionSpec spec, Value q, Value k, Value v, Value segments, int maxLength) {
    return attention(spec, List.of(q, k, v), AttentionOp.Distances.NONE, segments, maxLength);
  }

  /**
   * Attention over segments whose scores have something by distance.
   *
   * @param rows queries, keys and values
   */
  public Value attention(AttentionSpec spec, List<Value> rows, AttentionOp.Distances by, Value segments, int maxLength) {
    Value q = rows.getFirst();
    Value out = temp(q.name() + ".attention", q.shape());
    record(new AttentionOp.Attention(spec, q, rows.get(1), rows.get(2), by, segments, maxLength, out,
        temp(q.name() + ".lse", q.shape().withCols(spec.heads()))));
    return out;
  }

  /** Mean over ranges of rows; see {@link RowOp.RangeSum}. */
  public Value rangeMean(Value x, Value ranges) {
    Value y = temp(x.name() + ".mean", ranges.shape().withCols(x.shape().cols()));
    record(new RowOp.RangeSum(x, ranges, true, y));
    return y;
  }

  /** Sum over ranges of rows; see {@link RowOp.RangeSum}. */
  public Value rangeSum(Value x, Value ranges) {
    Value y = temp(x.name() + ".sum", ranges.shape().withCols(x.shape().cols()));
    record(new RowOp.RangeSum(x, ranges, false, y));
    return y;
  }

  /** Rows divided by their Euclidean norm, at least {@code eps}. */
  public Value l2Normalize(Value x, double eps) {
    Value y = temp(x.name() + ".unit", x.shape());
    record(new NormOp.L2Normalize(x, eps, y, temp(x.name() + ".norm", x.shape().withCols(1))));
    return y;
  }

  /** Inverted dropout, or x itself when p is 0. The mask is keyed by the site's name, so it does not depend on recording order. */
  public Value dropout(Value x, Value rowKeys, Value random, String site, double p) {
    if (p == 0) {
      return x;
    }
    Value out = temp(site + ".dropped", x.shape());
    record(new ElementOp.Dropout(x, rowKeys, random, site, p, out));
    return out;
  }

  /** x, through which no gradient flows. */
  public Value stopGradient(Value x) {
    Value out = temp(x.name() + ".stopped", x.shape());
    record(new ElementOp.Stop(x, out));
    return out;
  }

  /** Row losses [rows, 1]. */
  public Value loss(Loss loss, Value predictions, Value labels) {
    Value rowLoss = temp(predictions.name() + ".loss", predictions.shape().withCols(1));
    record(new TrainingOp.RowLoss(loss, predictions, labels, rowLoss));
    return rowLoss;
  }

  /** Multiple-negatives ranking loss of row i of a against all rows of b, of which row i is the right one; row losses [rows of a, 1]. */
  public Value inBatchNegatives(Value a, Value b, double scale) {
    Value rowLoss = temp(a.name() + ".loss", a.shape().withCols(1));
    record(new TrainingOp.InBatchNegatives(a, b, scale, temp(a.name() + ".probs", a.shape().withCols(b.shape().rows())), rowLoss));
    return rowLoss;
  }

  /** total += Σ x. */
  public void addSum(Value x, Value total) {
    record(new TrainingOp.AddSum(x, total));
  }

  /** total += the targets that a loss counts. */
  public void countTargets(Loss loss, Value labels, Value total) {
    record(new TrainingOp.CountTargets(Optional.of(loss), labels, total));
  }

  /** total += the live rows of the labels: all are targets. */
  public void countTargets(Value labels, Value total) {
    record(new TrainingOp.CountTargets(Optional.empty(), labels, total));
  }

  /**
   * Appends the gradient of Σ x with respect to every trainable that x depends on; gradients are added to their slots.
   *
   * @param x row losses, or any other values of one column that are computed in this entry [rows, 1]
   */
  public void backward(Value x) {
    OpCheck check = new OpCheck("");
    check.that(!differentiated, "backward", entry, "the entry was differentiated already");
    check.that(x.shape().cols() == 1 && temps.contains(x), "backward", entry, "only a value [rows, 1] that this entry computes is differentiated, "
        + "got %s; sum it first, by rangeSum or as a loss", x);
    differentiated = true;
    new Differentiator(this, x).run();
  }

  /**
   * AdaLoRA's orthogonality term of a trainable P, recorded before the update: penalty += weight·‖P·Pᵀ − I‖ (with {@code columns}, Pᵀ·P), and
   * its gradient is added to P's gradient sums.
   *
   * @param first whether the penalty starts anew
   */
  public void orthogonality(Value p, boolean columns, double weight, boolean first, Value count, Value penalty) {
    new OpCheck(region).that(p.role() == Value.Role.TRAINABLE, "orthogonality", p.name(), "only a trainable has a gradient to add to, this is %s",
        p.role());
    int r = columns ? p.shape().cols() : p.shape().rows();
    Value gram = temp(p.name() + ".gram", Shape.of(r, r));
    record(columns ? new ProductOp.LinearWeightGrad(p, p, 1, gram) : new ProductOp.Linear(p, p, Optional.empty(), Optional.empty(), 1, gram));
    Value factor = temp(p.name() + ".orthogonality", Shape.of(r, r));
    record(new AdapterOp.GramPenalty(gram, weight, first, count, penalty, factor));
    Value d = temp("d(" + p.name() + ")", p.shape());
    record(columns ? new ProductOp.Linear(p, factor, Optional.empty(), Optional.empty(), 1, d) : new ProductOp.LinearInputGrad(factor, p,
        Optional.empty(), 1, d));
    record(new AdapterOp.AddTo(d, builder.gradient(p)));
  }

  /**
   * AdaLoRA's importance of a trainable, recorded behind the update; see {@link AdapterOp.Sensitivity}. The smoothed averages are states named
   * after it: {@code .exp_avg_ipt} and {@code .exp_avg_unc}, PEFT's words.
   */
  public void sensitivity(Value theta, Value report, double beta1, double beta2, boolean byColumn, boolean first, Value scores) {
    record(new AdapterOp.Sensitivity(theta, builder.gradient(theta), report, beta1, beta2, builder.state(theta.name() + ".exp_avg_ipt",
        theta.shape()), builder.state(theta.name() + ".exp_avg_unc", theta.shape()), byColumn, first, scores));
  }

  /**
   * Writes 1/‖W + s·B·A‖ of every output to a state; see {@link AdapterOp.DoraNorm}.
   *
   * @param a A [r, in], or with {@code table} its transpose [entries, r]
   * @param w the base weight: [out, in], or with {@code table} an embedding's [entries, out]
   * @param b [out, r]
   * @param norms norms of the base weight's outputs [1, out]
   */
  public void doraNorm(Value a, Value w, Value b, boolean table, double scaling, Value norms, Value inverse) {
    int r = b.shape().cols();
    int out = b.shape().rows();
    Value m = temp(b.name() + ".AW", Shape.of(r, out));
    Value gram = temp(b.name() + ".AA", Shape.of(r, r));
    if (table) {
      record(new ProductOp.LinearWeightGrad(a, w, 1, m));
      record(new ProductOp.LinearWeightGrad(a, a, 1, gram));
    } else {
      record(new ProductOp.Linear(a, w, Optional.empty(), Optional.empty(), 1, m));
      record(new ProductOp.Linear(a, a, Optional.empty(), Optional.empty(), 1, gram));
    }
    Value t = temp(b.name() + ".BAA", Shape.of(out, r));
    record(new ProductOp.Linear(b, gram, Optional.empty(), Optional.empty(), 1, t));
    record(new AdapterOp.DoraNorm(norms, m, b, t, scaling, inverse));
  }

  /** Sets a trainable to 0 where a mask of its shape is 0. */
  public void mask(Value theta, Value mask) {
    record(new AdapterOp.Mask(theta, mask));
  }

  /** Sets the gradient of a trainable to 0 where a mask of its shape is 0; recorded before {@link #update}. */
  public void maskGradient(Value trainable, Value mask) {
    record(new AdapterOp.Mask(builder.gradient(trainable), mask));
  }

  /**
   * Lets the update use gradient·matrix for a trainable; recorded before {@link #update}.
   *
   * @param matrix symmetric [cols, cols]
   */
  public void precondition(Value trainable, Value matrix) {
    Value gradient = builder.gradient(trainable);
    preconditioned.put(gradient, linear(gradient, matrix));
  }

  /** Appends an optimizer step and what makes ready for the next: {@link #update} and {@link #clearGradients}. */
  public void optimizerStep(OptimizerSpec spec, Value hyper, Value lossSum, Value count, Value report) {
    update(spec, hyper, lossSum, count, report);
    clearGradients(lossSum, count);
  }

  /** Zeroes the gradients of all trainables, lossSum and count. */
  public void clearGradients(Value lossSum, Value count) {
    record(new TrainingOp.ClearGradients(lossSum, count));
  }

  /** Appends the update of all trainables; see {@link TrainingOp.OptimizerStep}. */
  public void update(OptimizerSpec spec, Value hyper, Value lossSum, Value count, Value report) {
    record(new TrainingOp.OptimizerStep(spec, hyper, lossSum, count, report, preconditioned));
  }
}
