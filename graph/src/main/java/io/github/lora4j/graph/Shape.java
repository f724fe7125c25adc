package io.github.lora4j.graph;

import io.github.lora4j.vector.ConfigException;
import java.util.Optional;

/**
 * Every value of a program is a matrix: rows, either fixed or those live on a {@link RowAxis}, by fixed columns. Vectors have one
 * row; tensors of more dimensions are flattened behind the first.
 *
 * @param axis the axis the rows lie on, or empty when their number is fixed
 * @param rows fixed rows, or the axis' capacity
 */
public record Shape(Optional<RowAxis> axis, int rows, int cols) {

  /** Checks the numbers. */
  public Shape {
    if (rows < 1 || cols < 1) {
      throw new ConfigException("a shape needs at least one row and one column, got [%d, %d]".formatted(rows, cols));
    }
  }

  /** A matrix of fixed size. */
  public static Shape of(int rows, int cols) {
    return new Shape(Optional.empty(), rows, cols);
  }

  /** A vector: one row. */
  public static Shape vector(int cols) {
    return of(1, cols);
  }

  /** A matrix with one row for each live row of the axis. */
  public static Shape of(RowAxis axis, int cols) {
    return new Shape(Optional.of(axis), axis.capacity(), cols);
  }

  /** The same rows with other columns. */
  public Shape withCols(int cols) {
    return new Shape(axis, rows, cols);
  }

  /** Elements at full capacity. */
  public long elements() {
    return (long) rows * cols;
  }

  /** Whether both have the same axis or the same number of fixed rows. */
  public boolean sameRows(Shape other) {
    return axis.equals(other.axis) && rows == other.rows;
  }

  @Override
  public String toString() {
    return "[" + axis.map(RowAxis::name).orElse(String.valueOf(rows)) + ", " + cols + "]";
  }
}
