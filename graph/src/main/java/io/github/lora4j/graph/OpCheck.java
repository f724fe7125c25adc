package io.github.lora4j.graph;

import io.github.lora4j.vector.ConfigException;

/**
 * Refuses what cannot be recorded, with a {@link ConfigException} that names the op, its site and the region.
 *
 * @param region what is being recorded: a layer, the head
 */
public record OpCheck(String region) {

  /**
   * Refuses unless {@code ok}.
   *
   * @param op the recording method
   * @param site the weight, or another operand that people know the place by
   */
  public void that(boolean ok, String op, String site, String message, Object... args) {
    if (!ok) {
      throw new ConfigException("%s(%s)%s: %s".formatted(op, site, region.isEmpty() ? "" : " in " + region, message.formatted(args)));
    }
  }

  /** Refuses another shape. */
  public void same(String op, String site, Shape got, Shape expected) {
    that(got.equals(expected), op, site, "expected %s but got %s", expected, got);
  }

  /** Refuses what is no table of so many integers a row. */
  public void table(String op, String site, String what, Value table, int cols) {
    that(table.integer() && table.shape().cols() == cols, op, site, "%s must be integers [rows, %d], got %s %s", what, cols, table.type(),
        table.shape());
  }

  /** Refuses what is no state of one number. */
  public void total(String op, Value total) {
    that(total.role() == Value.Role.STATE && total.shape().equals(Shape.vector(1)), op, total.name(), "a total must be a state [1, 1], got %s %s",
        total.role(), total.shape());
  }
}
