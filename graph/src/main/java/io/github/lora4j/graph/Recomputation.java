package io.github.lora4j.graph;

import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Records regions a second time, each before its gradients: those read the second copies, so that what the first one computed is not kept
 * from the forward pass on (Chen et al. 2016, "Training deep nets with sublinear memory cost"). Dropout masks are a function of site, example,
 * position and step, so the copies have the same bits.
 */
final class Recomputation {

  private final Graph graph;
  /** By the index of a region's last op. */
  private final Map<Integer, Graph.Body> due = new HashMap<>();
  private final Map<Integer, Op> copies = new HashMap<>();
  private final Map<Value, Value> originals = new HashMap<>();
  /** Where the copies of the region begin whose first op has this index. */
  private final Map<Integer, Integer> begun = new HashMap<>();

  Recomputation(Graph graph) {
    this.graph = graph;
    graph.recomputedBodies().stream().filter(body -> body.end() > body.first()).forEach(body -> due.put(body.end() - 1, body));
  }

  /** The value of the forward pass of which this one is a copy, or itself. */
  Value original(Value value) {
    return originals.getOrDefault(value, value);
  }

  /** The copy of an op, or itself. */
  Op copy(int index, Op op) {
    return copies.getOrDefault(index, op);
  }

  /**
   * Records a region again if the op is its last, and gradients flow into it.
   *
   * @param needed values that have gradients
   * @return the copies
   */
  List<Op> begin(int index, List<Program.Node> forward, Set<Value> needed) {
    Graph.Body body = due.get(index);
    if (body == null) {
      return List.of();
    }
    List<Program.Node> first = forward.subList(body.first(), body.end());
    boolean none = first.stream().noneMatch(node -> node.op().outputs().stream().anyMatch(needed::contains));
    // What a region adds to a slot would be added twice.
    if (none || first.stream().anyMatch(node -> node.op().outputs().stream().anyMatch(Value::slot))) {
      return List.of();
    }
    int from = graph.nodes().size();
    graph.region(body.name(), body.recording());
    List<Op> second = graph.nodes().subList(from, graph.nodes().size()).stream().map(Program.Node::op).toList();
    for (int i = 0; i < first.size(); i++) {
      pair(body.name(), first.get(i).op(), i < second.size() ? second.get(i) : first.get(i).op());
      copies.put(body.first() + i, second.get(i));
    }
    if (second.size() > first.size()) {
      throw other(body.name(), second.get(first.size()));
    }
    begun.put(body.first(), from);
    return second;
  }

  private void pair(String region, Op first, Op second) {
    // As text ops are the same but for the numbers of their values.
    if (first.equals(second) || !first.toString().equals(second.toString()) || first.outputs().size() != second.outputs().size()
        || !first.inputs().equals(second.inputs().stream().map(this::original).toList())) {
      throw other(region, second);
    }
    for (int i = 0; i < first.outputs().size(); i++) {
      originals.put(second.outputs().get(i), first.outputs().get(i));
    }
  }

  private static ConfigException other(String region, Op op) {
    return new ConfigException("region %s: recorded a second time it has another %s, so it cannot be computed again; set recompute to none".formatted(
        region, op.getClass().getSimpleName()));
  }

  /** Leaves out the copies that no gradient reads, once all gradients of a region have been recorded. */
  void end(int index) {
    Integer from = begun.remove(index);
    if (from == null) {
      return;
    }
    List<Program.Node> nodes = graph.nodes();
    Set<Value> read = new HashSet<>();
    List<Program.Node> kept = new ArrayList<>();
    for (int i = nodes.size() - 1; i >= from; i--) {
      Program.Node node = nodes.get(i);
      boolean copy = node.op().outputs().stream().anyMatch(originals::containsKey);
      if (!copy || node.op().outputs().stream().anyMatch(read::contains)) {
        read.addAll(node.op().inputs());
        kept.add(node);
      }
    }
    nodes.subList(from, nodes.size()).clear();
    nodes.addAll(kept.reversed());
  }
}
