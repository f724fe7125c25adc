package io.github.lora4j.graph;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Collects slots and entries of a {@link Program}. Declaring a slot twice under one name gives the same slot, so entries share
 * weights by naming them; a second declaration must agree in shape and role.
 */
public final class ProgramBuilder {

  private final Map<String, RowAxis> axes = new LinkedHashMap<>();
  private final Map<String, Value> slots = new LinkedHashMap<>();
  private final Map<String, Graph> entries = new LinkedHashMap<>();
  private final Map<String, float[]> constants = new LinkedHashMap<>();
  private final Map<String, ParameterLayout.Range> parameters = new LinkedHashMap<>();
  private long parameterElements;
  private int nextId;

  /** Declares a row axis. */
  public RowAxis axis(String name, int capacity) {
    RowAxis axis = new RowAxis(name, capacity);
    RowAxis known = axes.putIfAbsent(name, axis);
    if (known != null && !known.equals(axis)) {
      throw new ConfigException("row axis %s was declared with capacity %d, now with %d".formatted(name, known.capacity(), capacity));
    }
    return axis;
  }

  /** A float input, written before a run. */
  public Value input(String name, Shape shape) {
    return slot(name, shape, Value.Role.INPUT, DType.F32);
  }

  /** An integer input: ids, segments, ranges. */
  public Value table(String name, Shape shape) {
    return slot(name, shape, Value.Role.INPUT, DType.I32);
  }

  /** A weight that does not change. */
  public Value frozen(String name, Shape shape) {
    return slot(name, shape, Value.Role.FROZEN, DType.F32);
  }

  /**
   * A weight that the recording itself supplies: tables of angles and the like.
   *
   * @param values asked for when it is declared first
   */
  public Value constant(String name, Shape shape, Supplier<float[]> values) {
    Value value = frozen(name, shape);
    constants.computeIfAbsent(name, key -> values.get());
    return value;
  }

  /** A small persistent result. */
  public Value state(String name, Shape shape) {
    return slot(name, shape, Value.Role.STATE, DType.F32);
  }

  /** A weight the optimizer changes, in a parameter group. */
  public Value trainable(String name, Shape shape, int group) {
    ParameterLayout.Range known = parameters.get(name);
    if (known != null && known.group() != group) {
      throw new ConfigException("trainable %s is in parameter group %d, but was asked for in group %d".formatted(name, known.group(), group));
    }
    Value value = slot(name, shape, Value.Role.TRAINABLE, DType.F32);
    if (known == null) {
      Value gradient = slot(name + ".grad", shape, Value.Role.GRADIENT, DType.F32);
      ParameterLayout.Range range = new ParameterLayout.Range(value, gradient, parameterElements, group);
      parameters.put(name, range);
      parameterElements = ParameterLayout.align(range.offset() + range.length());
    }
    return value;
  }

  /** The gradient slot of a trainable. */
  Value gradient(Value trainable) {
    return Objects.requireNonNull(slots.get(trainable.name() + ".grad"), "declared with its trainable");
  }

  /**
   * The inverse of an id list, which the gradient of a table that trains needs: slots {@code <ids>.unique}, {@code .starts} and {@code .order},
   * declared if they are not yet. The caller writes them with the ids; see {@link ScatterTables}.
   */
  public RowOp.ScatterIndex scatterIndex(Value ids) {
    Value unique = find(ids.name() + ".unique").orElseGet(() -> table(ids.name() + ".unique",
        Shape.of(axis(ids.name() + ".unique", ids.shape().rows()), 1)));
    Value starts = find(ids.name() + ".starts").orElseGet(() -> table(ids.name() + ".starts", Shape.of(ids.shape().rows() + 1, 1)));
    Value order = find(ids.name() + ".order").orElseGet(() -> table(ids.name() + ".order", ids.shape()));
    return new RowOp.ScatterIndex(unique, starts, order);
  }

  /** A slot declared before. */
  public Optional<Value> find(String name) {
    return Optional.ofNullable(slots.get(name));
  }

  /** Starts recording an entry. */
  public Graph entry(String name) {
    Graph graph = new Graph(this, name);
    if (entries.putIfAbsent(name, graph) != null) {
      throw new ConfigException("entry %s was recorded already".formatted(name));
    }
    return graph;
  }

  /** The finished program. */
  public Program build() {
    Map<String, Program.Entry> built = new LinkedHashMap<>();
    entries.forEach((name, graph) -> built.put(name, new Program.Entry(name, graph.nodes(), graph.outputs())));
    return new Program(new ArrayList<>(axes.values()), slots, new ParameterLayout(List.copyOf(parameters.values())), built, constants);
  }

  Value temp(String name, Shape shape) {
    return new Value(nextId++, name, shape, Value.Role.TEMP, DType.F32);
  }

  private Value slot(String name, Shape shape, Value.Role role, DType type) {
    Value known = slots.get(name);
    shape.axis().filter(axis -> !axis.equals(axes.get(axis.name()))).ifPresent(axis -> {
      throw new ConfigException("slot %s lies on %s, which this program has not declared".formatted(name, axis));
    });
    if (known == null) {
      known = new Value(nextId++, name, shape, role, type);
      slots.put(name, known);
    } else if (!known.shape().equals(shape) || known.role() != role || known.type() != type) {
      throw new ConfigException("slot %s is %s %s %s, but was asked for as %s %s %s"
          .formatted(name, known.role(), known.type(), known.shape(), role, type, shape));
    }
    return known;
  }
}
