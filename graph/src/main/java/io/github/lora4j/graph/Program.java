package io.github.lora4j.graph;

import io.github.lora4j.vector.ConfigException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A recorded, static program: slots and several entries that share them by name. A backend compiles it once; nothing about it
 * depends on a device.
 *
 * @param axes row axes, in the order of their live counts
 * @param slots persistent values by name
 * @param parameters where each trainable lies in the arenas
 * @param entries runnable pieces by name
 * @param constants values of frozen slots that the recording itself supplies, row-major
 */
public record Program(List<RowAxis> axes, Map<String, Value> slots, ParameterLayout parameters, Map<String, Entry> entries,
    Map<String, float[]> constants) {

  /** One op and the region (embedding, layer, head) it was recorded in. */
  public record Node(Op op, String region) {}

  /**
   * A list of ops run in order.
   *
   * @param outputs temporaries a caller may read until the next run, by name
   */
  public record Entry(String name, List<Node> nodes, Map<String, Value> outputs) {

    /** Copies the collections. */
    public Entry {
      nodes = List.copyOf(nodes);
      outputs = Map.copyOf(outputs);
    }

    /** Arithmetic of one run at full capacity. */
    public long flops() {
      return nodes.stream().mapToLong(node -> node.op().flops()).sum();
    }
  }

  /** Copies the collections. */
  public Program {
    axes = List.copyOf(axes);
    slots = Map.copyOf(slots);
    entries = Map.copyOf(entries);
    constants = Map.copyOf(constants);
  }

  /** An entry of the program. */
  public Entry entry(String name) {
    Entry entry = entries.get(name);
    if (entry == null) {
      throw new ConfigException("no entry %s; there are %s".formatted(name, entries.keySet()));
    }
    return entry;
  }

  /** Whether the program needs an arena; what only training needs is not there in a program that does not train. */
  public boolean uses(Executable.Arena arena) {
    Stream<Op> ops = entries.values().stream().flatMap(entry -> entry.nodes().stream()).map(Node::op);
    return arena == Executable.Arena.PARAMETERS || ops.anyMatch(op -> op.arenas().contains(arena)
        || arena == Executable.Arena.GRADIENTS && op.outputs().stream().anyMatch(out -> out.role() == Value.Role.GRADIENT));
  }

  /**
   * Checks that a value may be read back after a run.
   *
   * @throws ConfigException for frozen weights, and for temporaries that are no output
   */
  public void requireReadable(Value value) {
    if (value.role() == Value.Role.FROZEN) {
      throw new ConfigException(value + " is frozen: read it from its checkpoint");
    }
    if (!value.slot() && !output(value)) {
      throw new ConfigException(value + " is not an output of any entry: other values share its memory");
    }
  }

  /** Without a stream, as results are read in every step of some loops. */
  private boolean output(Value value) {
    for (Entry entry : entries.values()) {
      if (entry.outputs().containsValue(value)) {
        return true;
      }
    }
    return false;
  }

  /** The slot of this name, if there is one. */
  public Optional<Value> slot(String name) {
    return Optional.ofNullable(slots.get(name));
  }

  /** The axis of this name, if there is one. */
  public Optional<RowAxis> axis(String name) {
    return axes.stream().filter(axis -> axis.name().equals(name)).findFirst();
  }

  /** Every op of every entry as text, one line each, for people and for tests. */
  public String describe() {
    StringBuilder text = new StringBuilder();
    Map<String, Entry> ordered = new LinkedHashMap<>();
    entries.keySet().stream().sorted().forEach(name -> ordered.put(name, entries.get(name)));
    for (Entry entry : ordered.values()) {
      text.append("%s: %d ops, %.3f GFLOP at capacity%n".formatted(entry.name, entry.nodes.size(), entry.flops() / 1e9));
      for (Node node : entry.nodes) {
        text.append("  %-12s %-22s %s -> %s%n".formatted(node.region, node.op.getClass().getSimpleName(), node.op.inputs(), node.op.outputs()));
      }
    }
    return text.toString();
  }
}
