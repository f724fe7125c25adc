package io.github.lora4j.graph;

import io.github.lora4j.vector.ConfigException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Reverse-mode differentiation that appends ops to the graph it reads. Only values downstream of a trainable get a gradient, so
 * with adapters the gradients of frozen weights, and everything below the first adapted site, are never recorded.
 *
 * <p>Where a value is used several times its gradients are summed; an op that can add to what is there does so in its own
 * pass over memory instead of a separate addition.
 *
 * <p>What a norm or an activation gave, and its dropout, is computed again where the gradient of a weight reads it: the input is kept for
 * that op's own gradient anyway, and computing is no slower than fetching the result from memory after all other layers.
 */
final class Differentiator {

  private final Graph graph;
  private final Map<Value, Value> grads = new HashMap<>();
  private final Set<Value> needed = new HashSet<>();
  private final Map<Value, Op> makers = new HashMap<>();
  private final Map<Value, Value> again = new HashMap<>();
  private Value target;

  Differentiator(Graph graph) {
    this.graph = graph;
  }

  void run(Value rowLoss) {
    this.target = rowLoss;
    List<Program.Node> forward = List.copyOf(graph.nodes());
    for (Program.Node node : forward) {
      node.op().outputs().forEach(v -> makers.put(v, node.op()));
      if (node.op().inputs().stream().anyMatch(this::needs)) {
        node.op().outputs().stream().filter(v -> !v.slot()).forEach(needed::add);
      }
    }
    if (!needs(rowLoss)) {
      throw new ConfigException("nothing trains: the loss does not depend on any trainable parameter");
    }
    boolean reached = false;
    for (int i = forward.size() - 1; i >= 0; i--) {
      Program.Node node = forward.get(i);
      Op op = node.op();
      reached |= op.outputs().contains(rowLoss);
      if (reached && op.outputs().stream().anyMatch(needed::contains)) {
        graph.region(node.region());
        differentiate(op);
      }
    }
    graph.region("");
  }

  private boolean needs(Value value) {
    return value.role() == Value.Role.TRAINABLE || needed.contains(value);
  }

  private void differentiate(Op op) {
    switch (op) {
      case TrainingOp.RowLoss o when !o.rowLoss().equals(target) -> throw other(o.rowLoss());
      case TrainingOp.InBatchNegatives o when !o.rowLoss().equals(target) -> throw other(o.rowLoss());
      case TrainingOp.RowLoss o -> contribute(o.predictions(), d -> graph.add(new TrainingOp.RowLossGrad(o.loss(), o.predictions(), o.labels(), d)));
      case TrainingOp.InBatchNegatives o -> {
        contribute(o.a(), d -> graph.add(new TrainingOp.InBatchNegativesGrad(o.probs(), o.b(), false, o.scale(), d)));
        contribute(o.b(), d -> graph.add(new TrainingOp.InBatchNegativesGrad(o.probs(), o.a(), true, o.scale(), d)));
      }
      case Op.Linear o -> linear(o, grad(o.y()));
      case Op.Gather o -> gather(o, grad(o.y()));
      case Op.LayerNorm o -> layerNorm(o, grad(o.y()));
      case Op.Add o -> {
        passOn(o.x(), grad(o.out()));
        passOn(o.y(), grad(o.out()));
      }
      case Op.Multiply o -> {
        Value dy = grad(o.out());
        contribute(o.x(), d -> graph.add(new Op.Multiply(dy, o.y(), d)));
        contribute(o.y(), d -> graph.add(new Op.Multiply(dy, o.x(), d)));
      }
      case Op.Scale o -> contribute(o.x(), d -> graph.add(new Op.Scale(grad(o.out()), o.alpha(), d)));
      case Op.Activate o -> contribute(o.x(), d -> graph.add(new Op.ActivateGrad(o.f(), o.x(), grad(o.y()), d)));
      case Op.Attention o -> attention(o, grad(o.out()));
      case Op.RangeMean o -> extend(o.x(), (addend, d) -> graph.add(new Op.RangeMeanGrad(grad(o.y()), o.ranges(), addend, d)));
      case Op.L2Normalize o -> contribute(o.x(), d -> graph.add(new Op.L2NormalizeGrad(grad(o.y()), o.y(), o.norms(), d)));
      case Op.Dropout o -> contribute(o.x(), d -> graph.add(new Op.Dropout(grad(o.out()), o.rowKeys(), o.random(), o.site(), o.p(), d)));
      case TrainingOp.AddSum o -> { }
      case TrainingOp.CountTargets o -> { }
      case Op.LinearInputGrad o -> linearTransposed(o, grad(o.dx()));
      case Op.LinearWeightGrad o -> throw once(o);
      case Op.ColumnSum o -> throw once(o);
      case Op.ScatterAdd o -> throw once(o);
      case Op.LayerNormGrad o -> throw once(o);
      case Op.LayerNormParamGrad o -> throw once(o);
      case Op.ActivateGrad o -> throw once(o);
      case Op.AttentionGrad o -> throw once(o);
      case Op.RangeMeanGrad o -> throw once(o);
      case Op.L2NormalizeGrad o -> throw once(o);
      case TrainingOp.RowLossGrad o -> throw once(o);
      case TrainingOp.InBatchNegativesGrad o -> throw once(o);
      case TrainingOp.OptimizerStep o -> throw once(o);
      case TrainingOp.ClearGradients o -> throw once(o);
      case DecoderOp.RmsNorm o -> {
        contribute(o.gamma(), d -> graph.add(new DecoderOp.RmsNormParamGrad(grad(o.y()), o.x(), o.stats(), d)));
        extend(o.x(), (addend, d) -> graph.add(new DecoderOp.RmsNormGrad(grad(o.y()), o.x(), o.stats(), o.gamma(), addend, d)));
      }
      case DecoderOp.Rope o -> contribute(o.x(), d -> graph.add(new DecoderOp.Rope(grad(o.y()), o.positions(), o.table(), o.heads(),
          !o.inverse(), d)));
      case DecoderOp.RmsNormGrad o -> throw once(o);
      case DecoderOp.RmsNormParamGrad o -> throw once(o);
      case LayoutOp.Split o -> contribute(o.x(), d -> graph.add(new LayoutOp.Join(o.parts().stream().map(this::grad).toList(), d)));
      case LayoutOp.Join o -> throw once(o);
      case LayoutOp.Spread o -> contribute(o.x(), d -> graph.add(new LayoutOp.Collect(grad(o.y()), o.spans(), d)));
      case LayoutOp.Collect o -> throw once(o);
      case LayoutOp.Unfold o -> contribute(o.x(), d -> graph.add(new LayoutOp.Fold(grad(o.y()), o.inverse(), d)));
      case LayoutOp.Fold o -> throw once(o);
      case AdapterOp.ScaleColumns o -> scaleColumns(o, grad(o.y()));
      case AdapterOp.ColumnDots o -> throw once(o);
      case AdapterOp.AddTo o -> throw once(o);
      case AdapterOp.GramPenalty o -> throw once(o);
      case AdapterOp.Sensitivity o -> throw once(o);
      case AdapterOp.Mask o -> throw once(o);
      case AdapterOp.DoraNorm o -> throw once(o);
    }
  }

  private ConfigException other(Value rowLoss) {
    return new ConfigException("%s was recorded before %s, the loss to differentiate: an entry has one loss".formatted(rowLoss, target));
  }

  private static ConfigException once(Op op) {
    return new ConfigException(op.getClass().getSimpleName() + " has no gradient: an entry is differentiated once");
  }

  private void linear(Op.Linear o, Value dy) {
    o.bias().filter(this::needs).ifPresent(b -> {
      if (b.slot()) {
        graph.add(new Op.ColumnSum(dy, slot(b)));
      } else {
        contribute(b, d -> graph.add(new Op.ColumnSum(dy, d)));
      }
    });
    if (needs(o.w())) {
      if (!o.w().slot()) {
        throw new ConfigException("linear(%s): the weight is computed, and no gradient flows to a computed weight".formatted(o.w().name()));
      }
      graph.add(new Op.LinearWeightGrad(dy, recomputed(o.x()), o.alpha(), slot(o.w())));
    }
    extend(o.x(), (addend, d) -> graph.add(new Op.LinearInputGrad(dy, o.w(), addend, o.alpha(), d)));
    o.addend().ifPresent(a -> passOn(a, dy));
  }

  /** Recorded forward, {@link Op.LinearInputGrad} is a product with a weight that is stored the other way round: y = alpha·x·w. */
  private void linearTransposed(Op.LinearInputGrad o, Value dy) {
    if (needs(o.w())) {
      if (!o.w().slot()) {
        throw new ConfigException("linearTransposed(%s): the weight is computed, and no gradient flows to a computed weight"
            .formatted(o.w().name()));
      }
      graph.add(new Op.LinearWeightGrad(recomputed(o.dy()), dy, o.alpha(), slot(o.w())));
    }
    extend(o.dy(), (addend, d) -> graph.add(new Op.Linear(dy, o.w(), Optional.empty(), addend, o.alpha(), d)));
    o.addend().ifPresent(a -> passOn(a, dy));
  }

  private void gather(Op.Gather o, Value dy) {
    if (o.table().role() == Value.Role.TRAINABLE) {
      graph.add(new Op.ScatterAdd(dy, graph.program().scatterIndex(o.ids()), slot(o.table())));
    } else if (needs(o.table())) {
      Value inverse = o.inverse().orElseThrow(() -> new ConfigException("gather(%s): a gradient flows to the table, so the ids need an inverse"
          .formatted(o.table().name())));
      extend(o.table(), (addend, d) -> graph.add(new Op.Gather(dy, inverse, Optional.of(o.ids()), addend, d)));
    }
    o.addend().ifPresent(a -> passOn(a, dy));
  }

  private void layerNorm(Op.LayerNorm o, Value dy) {
    if (needs(o.gamma()) || needs(o.beta())) {
      graph.add(new Op.LayerNormParamGrad(dy, o.x(), o.stats(), Optional.of(o.gamma()).filter(this::needs).map(this::slot),
          Optional.of(o.beta()).filter(this::needs).map(this::slot)));
    }
    extend(o.x(), (addend, d) -> graph.add(new Op.LayerNormGrad(dy, o.x(), o.stats(), o.gamma(), addend, d)));
  }

  private void attention(Op.Attention o, Value dout) {
    Optional<Value> dq = fresh(o.q());
    Optional<Value> dk = fresh(o.k());
    Optional<Value> dv = fresh(o.v());
    graph.add(new Op.AttentionGrad(o, dout, dq, dk, dv));
    dq.ifPresent(d -> passOn(o.q(), d));
    dk.ifPresent(d -> passOn(o.k(), d));
    dv.ifPresent(d -> passOn(o.v(), d));
  }

  private void scaleColumns(AdapterOp.ScaleColumns o, Value dy) {
    contribute(o.scale(), d -> graph.add(new AdapterOp.ColumnDots(dy, o.x(), o.center(), d)));
    o.center().ifPresent(c -> contribute(c, d -> {
      // Σ dy·(1 − scale), which is what scaling 0 around Σ dy gives.
      Value sum = temp(c);
      graph.add(new Op.ColumnSum(dy, sum));
      Value zero = temp(c);
      graph.add(new Op.Scale(sum, 0, zero));
      graph.add(new AdapterOp.ScaleColumns(zero, o.scale(), Optional.of(sum), d));
    }));
    contribute(o.x(), d -> graph.add(new AdapterOp.ScaleColumns(dy, o.scale(), Optional.empty(), d)));
  }

  /** A value of the forward pass, or its copy if it can be computed again from what is kept. */
  private Value recomputed(Value x) {
    Value copy = again.get(x);
    if (copy == null && recomputable(x)) {
      Value y = graph.temp(x.name() + ".again", x.shape());
      copy = y;
      graph.add(switch (makers.get(x)) {
        case Op.LayerNorm o -> new Op.LayerNorm(o.x(), o.gamma(), o.beta(), o.eps(), y, graph.temp(y.name() + ".stats", o.stats().shape()));
        case DecoderOp.RmsNorm o -> new DecoderOp.RmsNorm(o.x(), o.gamma(), o.eps(), y, graph.temp(y.name() + ".stats", o.stats().shape()));
        case Op.Activate o -> new Op.Activate(o.f(), o.x(), y);
        case Op.Dropout o -> new Op.Dropout(recomputed(o.x()), o.rowKeys(), o.random(), o.site(), o.p(), y);
        default -> throw new IllegalStateException(x + " cannot be computed again");
      });
      again.put(x, copy);
    }
    return copy == null ? x : copy;
  }

  /** Whether the op's own gradient keeps its input, which is a gradient's {@code needs}. */
  private boolean recomputable(Value x) {
    return switch (makers.get(x)) {
      case Op.LayerNorm o -> o.y().equals(x) && needs(o.x());
      case DecoderOp.RmsNorm o -> o.y().equals(x) && needs(o.x());
      case Op.Activate o -> needs(o.x());
      case Op.Dropout o -> recomputable(o.x());
      case null, default -> false;
    };
  }

  private Optional<Value> fresh(Value x) {
    return needs(x) ? Optional.of(temp(x)) : Optional.empty();
  }

  /** The gradient of an op's result; every op reached lies between a trainable and the loss, so there is one. */
  private Value grad(Value y) {
    Value dy = grads.get(y);
    if (dy == null) {
      throw new ConfigException("%s does not reach the loss: record only what the loss needs".formatted(y.name()));
    }
    return dy;
  }

  private Value slot(Value trainable) {
    return graph.program().gradient(trainable);
  }

  private Value temp(Value like) {
    return graph.temp("d(" + like.name() + ")", like.shape());
  }

  /** Adds a gradient that exists already; a trainable's to its slot. */
  private void passOn(Value x, Value d) {
    if (x.role() == Value.Role.TRAINABLE) {
      graph.add(new AdapterOp.AddTo(d, slot(x)));
    } else if (needs(x)) {
      grads.merge(x, d, (old, more) -> graph.add(old, more));
    }
  }

  /** Records an op that writes a new gradient of x. */
  private void contribute(Value x, Consumer<Value> op) {
    if (needs(x)) {
      Value d = temp(x);
      op.accept(d);
      passOn(x, d);
    }
  }

  /** Records an op that writes a new gradient of x and can add the one that is there. */
  private void extend(Value x, BiConsumer<Optional<Value>, Value> op) {
    if (x.role() == Value.Role.TRAINABLE) {
      contribute(x, d -> op.accept(Optional.empty(), d));
    } else if (needs(x)) {
      Value d = temp(x);
      op.accept(Optional.ofNullable(grads.get(x)), d);
      grads.put(x, d);
    }
  }
}
