package io.github.lora4j.graph;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * An op of a program: a record that says what it reads and writes, and all that holds of it on every backend. How it runs is said by a
 * {@link Binder} for each backend. The ops here are coarse and few, each with the kernel of the same name in
 * {@link io.github.lora4j.vector.Kernels}, where the formula stands; other modules add their own.
 *
 * <p>An op whose output is a {@link Value.Role#GRADIENT} or {@link Value.Role#STATE} slot adds to it; other outputs are overwritten.
 */
public interface Op {

  /** Values read. */
  List<Value> inputs();

  /** Values written, or added to where they are gradients or state. */
  List<Value> outputs();

  /** Inputs whose memory an output of the same shape may take over, if nothing reads them later. */
  default List<Value> inPlace() {
    return List.of();
  }

  /** Multiply-add arithmetic at full capacity, as floating-point operations; elementwise work is not counted. */
  default long flops() {
    return 0;
  }

  /** Refuses operands that do not fit together; nothing to do for what only the gradients of other ops record. */
  default void check(OpCheck check) {
    // By default all operands fit.
  }

  /** Records the gradients of the inputs, given those of the outputs. Asked for only if an input depends on a trainable. */
  void gradient(Gradients g);

  /**
   * How the contents of an output are made again from values that this op's own gradient keeps: writes them to another value. Empty if they
   * cannot be, or if it takes longer than keeping them.
   */
  default Optional<Function<Value, Op>> again(Value output, Gradients g) {
    return Optional.empty();
  }

  /** Whether {@code next} may run together with this op, element by element while what this one wrote is in cache. */
  default boolean fuses(Op next) {
    return false;
  }

  /** Whether an output is finite as long as nothing has gone wrong. */
  default boolean finite(Value output) {
    return true;
  }

  /** The arenas that are read or written as a whole, beside inputs and outputs. */
  default Set<Executable.Arena> arenas() {
    return EnumSet.noneOf(Executable.Arena.class);
  }

  /** Integers that are followed without a look at where they lead; a backend whose kernels cannot refuse checks them before a run. */
  default List<Followed> followed() {
    return List.of();
  }

  /** An op whose result counts as given: nothing below it gets a gradient from it. */
  interface Constant extends NoGradient { }

  /** An op that is not differentiated: a gradient itself, or a step of training. */
  interface NoGradient extends Op {
    @Override
    default void gradient(Gradients g) {
      throw g.none(this);
    }
  }

  /**
   * Integers that lead to rows or columns of something.
   *
   * @param limit each is below it
   * @param nothing those below 0 that lead nowhere
   * @param what for people
   */
  record Followed(Value ids, int limit, Set<Integer> nothing, String what) {
    /** Copies the set. */
    public Followed {
      nothing = Set.copyOf(nothing);
    }
  }

  /** Values, present optional values and lists of values in order. */
  static List<Value> list(Object... values) {
    List<Value> list = new ArrayList<>();
    for (Object value : values) {
      switch (value) {
        case Value v -> list.add(v);
        case Optional<?> o -> o.ifPresent(v -> list.add((Value) v));
        case List<?> some -> some.forEach(v -> list.add((Value) v));
        default -> throw new IllegalArgumentException(String.valueOf(value));
      }
    }
    return List.copyOf(list);
  }

  /** 2 · rows · a · b: the operations of a matrix product. */
  static long product(Value rows, int a, int b) {
    return 2L * rows.shape().rows() * a * b;
  }
}
