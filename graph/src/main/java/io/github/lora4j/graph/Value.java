package io.github.lora4j.graph;

import io.github.lora4j.vector.DType;

/**
 * A matrix in a program. Slots (every role but {@link Role#TEMP}) live as long as the executable and are shared by its entries;
 * a temporary is written once, by one op of one entry, and its memory is reused after its last reader.
 *
 * @param id unique in the program
 * @param name unique among slots; for a temporary, where it was recorded
 * @param type F32 for floats (an executable computes them all in F32 or all in F64), I32 for ids and tables
 */
public record Value(int id, String name, Shape shape, Role role, DType type) {

  /** What a value is for, which decides where its memory lies. */
  public enum Role {
    /** Written by the host before a run. */
    INPUT,
    /** A weight that no step changes; the backend keeps it in whatever layout its ops read. */
    FROZEN,
    /** A weight that the optimizer changes; all lie in one contiguous arena. */
    TRAINABLE,
    /** The gradient sum of a trainable, at the same offset of a second arena. */
    GRADIENT,
    /** Small persistent results: loss sums, counts, norms. */
    STATE,
    /** The result of one op. */
    TEMP
  }

  /** Whether elements are integers. */
  public boolean integer() {
    return type == DType.I32;
  }

  /** Whether memory outlives a run. */
  public boolean slot() {
    return role != Role.TEMP;
  }

  /** The number alone: values are looked up for every op of a program, and a record's own hash would go through shapes and axes each time. */
  @Override
  public int hashCode() {
    return id;
  }

  @Override
  public String toString() {
    return name + shape;
  }
}
