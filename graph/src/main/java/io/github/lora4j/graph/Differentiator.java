package io.github.lora4j.graph;

import io.github.lora4j.vector.ConfigException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;

/**
 * Reverse-mode differentiation that appends ops to the graph it reads; what is appended, each op says ({@link Op#gradient}). Only values
 * downstream of a trainable get a gradient, so with adapters the gradients of frozen weights, and everything below the first adapted site, are
 * never recorded.
 *
 * <p>Where a value is used several times its gradients are summed; an op that can add to what is there does so in its own
 * pass over memory instead of a separate addition.
 *
 * <p>What a norm or an activation gave, and its dropout, is computed again where the gradient of a weight reads it: the input is kept for
 * that op's own gradient anyway, and computing is no slower than fetching the result from memory after all other layers.
 */
final class Differentiator implements Gradients {

  private final Graph graph;
  private final Value start;
  private final Map<Value, Value> grads = new HashMap<>();
  private final Set<Value> needed = new HashSet<>();
  private final Map<Value, Op> makers = new HashMap<>();
  private final Map<Value, Value> again = new HashMap<>();
  private final Recomputation recomputation;

  /** @param start a value of one column, whose sum is differentiated */
  Differentiator(Graph graph, Value start) {
    this.graph = graph;
    this.start = start;
    recomputation = new Recomputation(graph);
  }

  void run() {
    List<Program.Node> forward = List.copyOf(graph.nodes());
    for (Program.Node node : forward) {
      node.op().outputs().forEach(v -> makers.put(v, node.op()));
      if (!(node.op() instanceof Op.Constant) && node.op().inputs().stream().anyMatch(this::needs)) {
        node.op().outputs().stream().filter(v -> !v.slot()).forEach(needed::add);
      }
    }
    if (!needs(start)) {
      throw new ConfigException("nothing trains: the loss does not depend on any trainable parameter");
    }
    boolean reached = false;
    Set<Value> leading = new HashSet<>(Set.of(start));
    Set<Value> given = new HashSet<>();
    for (int i = forward.size() - 1; i >= 0; i--) {
      Program.Node node = forward.get(i);
      Op op = node.op();
      if (reached) {
        recomputation.begin(i, forward, needed).forEach(copy -> copy.outputs().forEach(v -> makers.put(v, copy)));
      }
      reached |= op.outputs().contains(start);
      // What leads to constants alone has no gradient; what leads nowhere is an error.
      boolean constant = op instanceof Op.Constant || any(op, given) && !any(op, leading);
      if (constant) {
        given.addAll(op.inputs());
      } else if (reached) {
        leading.addAll(any(op, leading) ? op.inputs() : List.of());
        if (any(op, needed)) {
          graph.region(node.region());
          recomputation.copy(i, op).gradient(this);
        }
      }
      recomputation.end(i);
    }
    graph.region("");
  }

  private static boolean any(Op op, Set<Value> values) {
    return op.outputs().stream().anyMatch(values::contains);
  }

  @Override
  public boolean needs(Value value) {
    return value.role() == Value.Role.TRAINABLE || needed.contains(recomputation.original(value));
  }

  @Override
  public boolean start(Value y) {
    return recomputation.original(y).equals(start) && !grads.containsKey(start);
  }

  @Override
  public boolean reached(Value y) {
    return start(y) || grads.containsKey(recomputation.original(y));
  }

  /** Every op reached lies between a trainable and the start, so there is one; at the start it is 1. */
  @Override
  public Value grad(Value y) {
    if (start(y)) {
      Value ones = temp(y);
      graph.record(new ElementOp.Fill(1, ones));
      grads.put(recomputation.original(y), ones);
    }
    Value dy = grads.get(recomputation.original(y));
    if (dy == null) {
      throw new ConfigException("%s does not reach the loss: record only what the loss needs, or stop its gradient".formatted(y.name()));
    }
    return dy;
  }

  @Override
  public void passOn(Value x, Value d) {
    if (x.role() == Value.Role.TRAINABLE) {
      graph.record(new AdapterOp.AddTo(d, slot(x)));
    } else if (needs(x)) {
      grads.merge(recomputation.original(x), d, (old, more) -> graph.add(old, more));
    }
  }

  @Override
  public void contribute(Value x, Function<Value, Op> op) {
    if (needs(x)) {
      Value d = temp(x);
      graph.record(op.apply(d));
      passOn(x, d);
    }
  }

  @Override
  public void extend(Value x, BiFunction<Optional<Value>, Value, Op> op) {
    if (x.role() == Value.Role.TRAINABLE) {
      contribute(x, d -> op.apply(Optional.empty(), d));
    } else if (needs(x)) {
      Value d = temp(x);
      graph.record(op.apply(Optional.ofNullable(grads.get(recomputation.original(x))), d));
      grads.put(recomputation.original(x), d);
    }
  }

  @Override
  public Value temp(Value like) {
    return graph.temp("d(" + like.name() + ")", like.shape());
  }

  @Override
  public Value temp(String name, Shape shape) {
    return graph.temp(name, shape);
  }

  @Override
  public Value slot(Value trainable) {
    return graph.program().gradient(trainable);
  }

  @Override
  public RowOp.ScatterIndex scatterIndex(Value ids) {
    return graph.program().scatterIndex(ids);
  }

  @Override
  public void record(Op op) {
    graph.record(op);
  }

  @Override
  public void replace(Op forward, Op by) {
    graph.replace(forward, by);
    by.outputs().forEach(v -> makers.put(v, by));
  }

  @Override
  public Value recomputed(Value x) {
    if (!again.containsKey(x)) {
      again(x).ifPresent(op -> {
        Value copy = graph.temp(x.name() + ".again", x.shape());
        graph.record(op.apply(copy));
        again.put(x, copy);
      });
    }
    return again.getOrDefault(x, x);
  }

  @Override
  public boolean recomputable(Value x) {
    return again(x).isPresent();
  }

  private Optional<Function<Value, Op>> again(Value x) {
    return Optional.ofNullable(makers.get(x)).flatMap(op -> op.again(x, this));
  }

  @Override
  public ConfigException none(Op op) {
    return new ConfigException(op.getClass().getSimpleName() + " has no gradient: an entry is differentiated once");
  }
}
