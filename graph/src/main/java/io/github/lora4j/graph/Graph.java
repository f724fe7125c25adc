package io.github.lora4j.graph;

import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Loss;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Records one entry of a program. Each method checks shapes, appends an {@link Op} and returns its result; nothing is computed.
 * Model code is written forward only, {@link #backward} appends the gradients.
 */
public final class Graph {

  private final ProgramBuilder builder;
  private final String entry;
  private final List<Program.Node> nodes = new ArrayList<>();
  private final Map<String, Value> outputs = new LinkedHashMap<>();
  private final Set<Value> temps = new HashSet<>();
  private final Map<Value, Value> preconditioned = new LinkedHashMap<>();
  private String region = "";
  private boolean differentiated;

  Graph(ProgramBuilder builder, String entry) {
    this.builder = builder;
    this.entry = entry;
  }

  /** Where slots are declared. */
  public ProgramBuilder program() {
    return builder;
  }

  /** Records everything that {@code body} records as one region: a layer, the embedding, the head. */
  public <T> T region(String name, Supplier<T> body) {
    String outer = region;
    region = name;
    try {
      return body.get();
    } finally {
      region = outer;
    }
  }

  /** Lets the caller read this value after a run of the entry. */
  public Value output(String name, Value value) {
    known(value);
    outputs.put(name, value);
    return value;
  }

  /** y = x·wᵀ + bias; x [rows, in], w [out, in], bias [1, out]. */
  public Value linear(Value x, Value w, Optional<Value> bias) {
    return linear(x, w, bias, Optional.empty(), 1);
  }

  /** y = alpha·x·wᵀ + bias + addend. */
  public Value linear(Value x, Value w, Optional<Value> bias, Optional<Value> addend, double alpha) {
    check(w.shape().axis().isEmpty() && x.shape().cols() == w.shape().cols(), "linear", w.name(),
        "weight is %s but input is %s", w.shape(), x.shape());
    Shape shape = x.shape().withCols(w.shape().rows());
    bias.ifPresent(b -> check(b.shape().equals(Shape.vector(shape.cols())), "linear", b.name(), "bias is %s but output is %s", b.shape(), shape));
    addend.ifPresent(a -> same("linear addend", w.name(), a.shape(), shape));
    Value y = temp(w.name() + ".y", shape);
    add(new Op.Linear(x, w, bias, addend, alpha, y));
    return y;
  }

  /** y = alpha·x·w + addend: by a weight that is stored the other way round; x [rows, out], w [out, in], y [rows, in]. */
  public Value linearTransposed(Value x, Value w, Optional<Value> addend, double alpha) {
    check(w.shape().axis().isEmpty() && x.shape().cols() == w.shape().rows(), "linearTransposed", w.name(),
        "weight is %s but input is %s", w.shape(), x.shape());
    Shape shape = x.shape().withCols(w.shape().cols());
    addend.ifPresent(a -> same("linearTransposed addend", w.name(), a.shape(), shape));
    Value y = temp(w.name() + ".yt", shape);
    add(new Op.LinearInputGrad(x, w, addend, alpha, y));
    return y;
  }

  /** Rows of an embedding table by id. */
  public Value embedding(Value table, Value ids, Optional<Value> addend) {
    return gather(table, ids, Optional.empty(), addend);
  }

  /** y[i] = table[ids[i]] + addend[i]; see {@link Op.Gather} for the inverse. */
  public Value gather(Value table, Value ids, Optional<Value> inverse, Optional<Value> addend) {
    check(ids.integer() && ids.shape().cols() == 1, "gather", table.name(), "ids must be integers [rows, 1], got %s %s", ids.type(), ids.shape());
    inverse.ifPresent(i -> check(i.integer() && i.shape().cols() == 1 && i.shape().sameRows(table.shape()), "gather", table.name(),
        "the inverse must be integers with a row for each of %s, got %s", table.shape(), i.shape()));
    Shape shape = ids.shape().withCols(table.shape().cols());
    addend.ifPresent(a -> same("gather addend", table.name(), a.shape(), shape));
    if (table.role() == Value.Role.TRAINABLE) {
      builder.scatterIndex(ids);
    }
    Value y = temp(table.name() + ".rows", shape);
    add(new Op.Gather(table, ids, inverse, addend, y));
    return y;
  }

  /** Layer norm over columns. */
  public Value layerNorm(Value x, Value gamma, Value beta, double eps) {
    Shape vector = Shape.vector(x.shape().cols());
    check(gamma.shape().equals(vector) && beta.shape().equals(vector), "layerNorm", gamma.name(), "weight %s and bias %s must be %s",
        gamma.shape(), beta.shape(), vector);
    Value y = temp(gamma.name() + ".y", x.shape());
    add(new Op.LayerNorm(x, gamma, beta, eps, y, temp(gamma.name() + ".stats", x.shape().withCols(2))));
    return y;
  }

  /** The columns of x in equal parts, from left to right. */
  public List<Value> split(Value x, int parts) {
    check(parts > 0 && x.shape().cols() % parts == 0, "split", x.name(), "%s has no %d equal parts", x.shape(), parts);
    List<Value> list = new ArrayList<>();
    for (int i = 0; i < parts; i++) {
      list.add(temp(x.name() + "." + i, x.shape().withCols(x.shape().cols() / parts)));
    }
    add(new LayoutOp.Split(x, List.copyOf(list)));
    return List.copyOf(list);
  }

  /** Columns of ranges of rows as rows of up to {@code length}; see {@link LayoutOp.Spread}. */
  public Value spread(Value x, Value spans, int length) {
    check(spans.integer() && spans.shape().cols() == 3, "spread", x.name(), "spans must be integers [rows, 3], got %s %s", spans.type(),
        spans.shape());
    Value y = temp(x.name() + ".spread", spans.shape().withCols(length));
    add(new LayoutOp.Spread(x, spans, y));
    return y;
  }

  /** What each position of a convolution's kernel sees, side by side; see {@link LayoutOp.Unfold}. */
  public Value unfold(Value x, Value indices, Value inverse) {
    int taps = indices.shape().cols();
    check(indices.integer() && inverse.integer() && inverse.shape().cols() == taps && inverse.shape().sameRows(x.shape()), "unfold", x.name(),
        "indices and inverse must be integers [outputs, taps] and [%s, taps], got %s %s and %s %s", x.shape(), indices.type(), indices.shape(),
        inverse.type(), inverse.shape());
    Value y = temp(x.name() + ".unfolded", indices.shape().withCols(Math.multiplyExact(x.shape().cols(), taps)));
    add(new LayoutOp.Unfold(x, indices, inverse, y));
    return y;
  }

  /** Root-mean-square norm over columns. */
  public Value rmsNorm(Value x, Value gamma, double eps) {
    same("rmsNorm", gamma.name(), gamma.shape(), Shape.vector(x.shape().cols()));
    Value y = temp(gamma.name() + ".y", x.shape());
    add(new DecoderOp.RmsNorm(x, gamma, eps, y, temp(gamma.name() + ".stats", x.shape().withCols(1))));
    return y;
  }

  /** Turns every head of x by its row's position; see {@link DecoderOp.Rope}. */
  public Value rope(Value x, Value positions, Value table, int heads) {
    check(positions.integer() && positions.shape().equals(x.shape().withCols(1)), "rope", x.name(), "positions must be integers %s, got %s %s",
        x.shape().withCols(1), positions.type(), positions.shape());
    check(table.shape().cols() * heads == x.shape().cols() && table.shape().cols() % 2 == 0, "rope", x.name(),
        "%d heads of %d (an even number) do not make %s", heads, table.shape().cols(), x.shape());
    Value y = temp(x.name() + ".turned", x.shape());
    add(new DecoderOp.Rope(x, positions, table, heads, false, y));
    return y;
  }

  /** x + y. */
  public Value add(Value x, Value y) {
    same("add", x.name(), y.shape(), x.shape());
    Value out = temp(x.name() + "+", x.shape());
    add(new Op.Add(x, y, out));
    return out;
  }

  /** x · y, element by element. */
  public Value multiply(Value x, Value y) {
    same("multiply", x.name(), y.shape(), x.shape());
    Value out = temp(x.name() + "*", x.shape());
    add(new Op.Multiply(x, y, out));
    return out;
  }

  /** alpha · x. */
  public Value scale(Value x, double alpha) {
    Value out = temp(x.name() + ".scaled", x.shape());
    add(new Op.Scale(x, alpha, out));
    return out;
  }

  /** x·scale, column by column; scale [1, cols]. */
  public Value scaleColumns(Value x, Value scale) {
    return scaleColumns(x, scale, Optional.empty());
  }

  /** center + (x − center)·scale, column by column; see {@link AdapterOp.ScaleColumns}. */
  public Value scaleColumns(Value x, Value scale, Optional<Value> center) {
    Shape vector = Shape.vector(x.shape().cols());
    same("scaleColumns", scale.name(), scale.shape(), vector);
    center.ifPresent(c -> same("scaleColumns center", c.name(), c.shape(), vector));
    Value y = temp(x.name() + ".columns", x.shape());
    add(new AdapterOp.ScaleColumns(x, scale, center, y));
    return y;
  }

  /** f(x). */
  public Value activate(Activation f, Value x) {
    Value y = temp(x.name() + "." + f.name().toLowerCase(java.util.Locale.ROOT), x.shape());
    add(new Op.Activate(f, x, y));
    return y;
  }

  /** Attention over segments; see {@link Op.Attention}. */
  public Value attention(AttentionSpec spec, Value q, Value k, Value v, Value segments, int maxLength) {
    check(q.shape().cols() == spec.heads() * spec.headDim(), "attention", q.name(), "queries are %s but %d heads of %d need %d columns",
        q.shape(), spec.heads(), spec.headDim(), spec.heads() * spec.headDim());
    check(k.shape().cols() == spec.kvHeads() * spec.headDim() && k.shape().equals(v.shape()), "attention", k.name(),
        "keys are %s and values %s but %d heads of %d need %d columns", k.shape(), v.shape(), spec.kvHeads(), spec.headDim(),
        spec.kvHeads() * spec.headDim());
    check(segments.integer() && segments.shape().cols() == 5, "attention", q.name(), "the segment table must be integers [segments, 5], got %s",
        segments.shape());
    Value out = temp(q.name() + ".attention", q.shape());
    add(new Op.Attention(spec, q, k, v, segments, maxLength, out, temp(q.name() + ".lse", q.shape().withCols(spec.heads()))));
    return out;
  }

  /** Mean over ranges of rows; see {@link Op.RangeMean}. */
  public Value rangeMean(Value x, Value ranges) {
    check(ranges.integer() && ranges.shape().cols() == 2, "rangeMean", x.name(), "ranges must be integers [rows, 2], got %s", ranges.shape());
    Value y = temp(x.name() + ".mean", ranges.shape().withCols(x.shape().cols()));
    add(new Op.RangeMean(x, ranges, y));
    return y;
  }

  /** Rows divided by their Euclidean norm, at least {@code eps}. */
  public Value l2Normalize(Value x, double eps) {
    Value y = temp(x.name() + ".unit", x.shape());
    add(new Op.L2Normalize(x, eps, y, temp(x.name() + ".norm", x.shape().withCols(1))));
    return y;
  }

  /** Inverted dropout, or x itself when p is 0. The mask is keyed by the site's name, so it does not depend on recording order. */
  public Value dropout(Value x, Value rowKeys, Value random, String site, double p) {
    if (p == 0) {
      return x;
    }
    check(p > 0 && p < 1, "dropout", site, "probability must be in [0, 1), got %s", p);
    check(rowKeys.integer() && rowKeys.shape().equals(x.shape().withCols(2)), "dropout", site,
        "row keys must be integers %s, got %s %s", x.shape().withCols(2), rowKeys.type(), rowKeys.shape());
    check(random.integer() && random.shape().equals(Shape.vector(3)), "dropout", site, "random must be integers [1, 3], got %s %s",
        random.type(), random.shape());
    Value out = temp(site + ".dropped", x.shape());
    add(new Op.Dropout(x, rowKeys, random, siteHash(site), p, out));
    return out;
  }

  /** Row losses [rows, 1]. */
  public Value loss(Loss loss, Value predictions, Value labels) {
    boolean classes = loss == Loss.CROSS_ENTROPY;
    check(labels.integer() == classes && labels.shape().equals(predictions.shape().withCols(classes ? 1 : predictions.shape().cols())),
        "loss", labels.name(), "%s of predictions %s cannot use labels %s %s", loss, predictions.shape(), labels.type(), labels.shape());
    Value rowLoss = temp(predictions.name() + ".loss", predictions.shape().withCols(1));
    add(new TrainingOp.RowLoss(loss, predictions, labels, rowLoss));
    return rowLoss;
  }

  /** Multiple-negatives ranking loss of row i of a against all rows of b; row losses [rows, 1]. */
  public Value inBatchNegatives(Value a, Value b, double scale) {
    same("inBatchNegatives", a.name(), b.shape(), a.shape());
    Value rowLoss = temp(a.name() + ".loss", a.shape().withCols(1));
    add(new TrainingOp.InBatchNegatives(a, b, scale, temp(a.name() + ".probs", a.shape().withCols(a.shape().rows())), rowLoss));
    return rowLoss;
  }

  /** total += Σ x. */
  public void addSum(Value x, Value total) {
    total("addSum", total);
    add(new TrainingOp.AddSum(x, total));
  }

  /** total += counted targets. */
  public void countTargets(Optional<Loss> loss, Value labels, Value total) {
    total("countTargets", total);
    add(new TrainingOp.CountTargets(loss, labels, total));
  }

  /** Appends the gradient of Σ rowLoss with respect to every trainable it depends on; gradients are added to their slots. */
  public void backward(Value rowLoss) {
    check(!differentiated, "backward", entry, "the entry was differentiated already");
    check(nodes.stream().anyMatch(node -> switch (node.op()) {
      case TrainingOp.RowLoss o -> o.rowLoss().equals(rowLoss);
      case TrainingOp.InBatchNegatives o -> o.rowLoss().equals(rowLoss);
      default -> false;
    }), "backward", entry, "%s is not the result of a loss of this entry", rowLoss);
    differentiated = true;
    new Differentiator(this).run(rowLoss);
  }

  /**
   * AdaLoRA's orthogonality term of a trainable P, recorded before the update: penalty += weight·‖P·Pᵀ − I‖ (with {@code columns}, Pᵀ·P), and
   * its gradient is added to P's gradient sums.
   *
   * @param first whether the penalty starts anew
   */
  public void orthogonality(Value p, boolean columns, double weight, boolean first, Value count, Value penalty) {
    check(p.role() == Value.Role.TRAINABLE, "orthogonality", p.name(), "only a trainable has a gradient to add to, this is %s", p.role());
    total("orthogonality", count);
    total("orthogonality", penalty);
    int r = columns ? p.shape().cols() : p.shape().rows();
    Value gram = temp(p.name() + ".gram", Shape.of(r, r));
    add(columns ? new Op.LinearWeightGrad(p, p, 1, gram) : new Op.Linear(p, p, Optional.empty(), Optional.empty(), 1, gram));
    Value factor = temp(p.name() + ".orthogonality", Shape.of(r, r));
    add(new AdapterOp.GramPenalty(gram, weight, first, count, penalty, factor));
    Value d = temp("d(" + p.name() + ")", p.shape());
    add(columns ? new Op.Linear(p, factor, Optional.empty(), Optional.empty(), 1, d) : new Op.LinearInputGrad(factor, p, Optional.empty(), 1, d));
    add(new AdapterOp.AddTo(d, builder.gradient(p)));
  }

  /**
   * AdaLoRA's importance of a trainable, recorded behind the update; see {@link AdapterOp.Sensitivity}. The smoothed averages are states named
   * after it: {@code .exp_avg_ipt} and {@code .exp_avg_unc}, PEFT's words.
   */
  public void sensitivity(Value theta, Value report, double beta1, double beta2, boolean byColumn, boolean first, Value scores) {
    int directions = byColumn ? theta.shape().cols() : theta.shape().rows();
    same("sensitivity", theta.name(), scores.shape(), Shape.vector(directions));
    add(new AdapterOp.Sensitivity(theta, builder.gradient(theta), report, beta1, beta2, builder.state(theta.name() + ".exp_avg_ipt", theta.shape()),
        builder.state(theta.name() + ".exp_avg_unc", theta.shape()), byColumn, first, scores));
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
    same("doraNorm", b.name(), norms.shape(), Shape.vector(out));
    same("doraNorm", b.name(), inverse.shape(), Shape.vector(out));
    Value m = temp(b.name() + ".AW", Shape.of(r, out));
    Value gram = temp(b.name() + ".AA", Shape.of(r, r));
    if (table) {
      add(new Op.LinearWeightGrad(a, w, 1, m));
      add(new Op.LinearWeightGrad(a, a, 1, gram));
    } else {
      add(new Op.Linear(a, w, Optional.empty(), Optional.empty(), 1, m));
      add(new Op.Linear(a, a, Optional.empty(), Optional.empty(), 1, gram));
    }
    Value t = temp(b.name() + ".BAA", Shape.of(out, r));
    add(new Op.Linear(b, gram, Optional.empty(), Optional.empty(), 1, t));
    add(new AdapterOp.DoraNorm(norms, m, b, t, scaling, inverse));
  }

  /** Sets a trainable to 0 where a mask of its shape is 0. */
  public void mask(Value theta, Value mask) {
    same("mask", theta.name(), mask.shape(), theta.shape());
    add(new AdapterOp.Mask(theta, mask));
  }

  /** Sets the gradient of a trainable to 0 where a mask of its shape is 0; recorded before {@link #update}. */
  public void maskGradient(Value trainable, Value mask) {
    same("mask", trainable.name(), mask.shape(), trainable.shape());
    add(new AdapterOp.Mask(builder.gradient(trainable), mask));
  }

  /**
   * Lets the update use gradient·matrix for a trainable; recorded before {@link #update}.
   *
   * @param matrix symmetric [cols, cols]
   */
  public void precondition(Value trainable, Value matrix) {
    Value gradient = builder.gradient(trainable);
    preconditioned.put(gradient, linear(gradient, matrix, Optional.empty()));
  }

  /** Appends an optimizer step and what makes ready for the next: {@link #update} and {@link #clearGradients}. */
  public void optimizerStep(OptimizerSpec spec, Value hyper, Value lossSum, Value count, Value report) {
    update(spec, hyper, lossSum, count, report);
    clearGradients(lossSum, count);
  }

  /** Zeroes the gradients of all trainables, lossSum and count. */
  public void clearGradients(Value lossSum, Value count) {
    add(new TrainingOp.ClearGradients(lossSum, count));
  }

  /** Appends the update of all trainables; see {@link TrainingOp.OptimizerStep}. */
  public void update(OptimizerSpec spec, Value hyper, Value lossSum, Value count, Value report) {
    total("optimizerStep", lossSum);
    total("optimizerStep", count);
    check(report.role() == Value.Role.STATE && report.shape().equals(Shape.vector(3)), "optimizerStep", report.name(),
        "the report must be a state [1, 3], got %s %s", report.role(), report.shape());
    check(!hyper.integer() && hyper.shape().equals(Shape.vector(spec.decay().size() + 2)), "optimizerStep", hyper.name(),
        "%d parameter groups need hyperparameters %s, got %s %s", spec.decay().size(), Shape.vector(spec.decay().size() + 2), hyper.type(),
        hyper.shape());
    add(new TrainingOp.OptimizerStep(spec, hyper, lossSum, count, report, preconditioned));
  }

  /** A hash of a site's name that no JVM or version changes: FNV-1a over UTF-16 units. */
  public static int siteHash(String site) {
    int hash = 0x811C9DC5;
    for (int i = 0; i < site.length(); i++) {
      hash = (hash ^ site.charAt(i)) * 0x01000193;
    }
    return hash;
  }

  void add(Op op) {
    op.inputs().forEach(this::known);
    op.outputs().stream().filter(value -> !value.slot()).forEach(temps::add);
    nodes.add(new Program.Node(op, region));
  }

  /** Memory of temporaries is shared by entries, so one of another entry would be read as garbage. */
  private void known(Value value) {
    check(value.slot() || temps.contains(value), entry, value.name(), "the value was recorded in another entry");
  }

  void region(String name) {
    region = name;
  }

  Value temp(String name, Shape shape) {
    return builder.temp(name, shape);
  }

  List<Program.Node> nodes() {
    return nodes;
  }

  Map<String, Value> outputs() {
    return outputs;
  }

  private void total(String op, Value total) {
    check(total.role() == Value.Role.STATE && total.shape().equals(Shape.vector(1)), op, total.name(), "a total must be a state [1, 1], got %s %s",
        total.role(), total.shape());
  }

  private void same(String op, String site, Shape got, Shape expected) {
    check(got.equals(expected), op, site, "expected %s but got %s", expected, got);
  }

  private void check(boolean ok, String op, String site, String message, Object... args) {
    if (!ok) {
      throw new ConfigException("%s(%s)%s: %s".formatted(op, site, region.isEmpty() ? "" : " in " + region, message.formatted(args)));
    }
  }
}
