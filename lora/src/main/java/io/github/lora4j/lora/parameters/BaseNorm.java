package io.github.lora4j.lora.parameters;

import io.github.lora4j.graph.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.BiConsumer;

/**
 * The Euclidean norms of a base weight: of its rows, the outputs of a linear module, or of its columns, the dimensions of an embedding.
 *
 * @param weight the parameter: "…query.weight"
 * @param shape as the program holds it
 * @param columns whether of the columns
 */
public record BaseNorm(String weight, Shape shape, boolean columns) {

  /** Values that are looked at together. */
  private static final int AT_ONCE = 1 << 16;

  /** How many norms there are. */
  public int count() {
    return columns ? shape.cols() : shape.rows();
  }

  /** The norms of a weight that lies in memory. */
  public float[] of(MemorySegment f32) {
    return of((row, target) -> MemorySegment.copy(f32, (long) row * shape.cols() * Float.BYTES, target, 0, target.byteSize()));
  }

  /**
   * The norms, summed in double.
   *
   * @param rows fills memory with the weight's rows from one on, as F32; asked for a few at a time, in order
   */
  public float[] of(BiConsumer<Integer, MemorySegment> rows) {
    double[] squares = new double[count()];
    int cols = shape.cols();
    int atOnce = Math.clamp(AT_ONCE / cols, 1, shape.rows());
    MemorySegment piece = MemorySegment.ofArray(new float[Math.multiplyExact(atOnce, cols)]);
    for (int first = 0; first < shape.rows(); first += atOnce) {
      int count = Math.min(atOnce, shape.rows() - first);
      rows.accept(first, piece.asSlice(0, (long) count * cols * Float.BYTES));
      for (int i = 0; i < count; i++) {
        for (int j = 0; j < cols; j++) {
          double value = piece.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, (long) i * cols + j);
          squares[columns ? j : first + i] += value * value;
        }
      }
    }
    float[] norms = new float[squares.length];
    for (int i = 0; i < norms.length; i++) {
      norms[i] = (float) Math.sqrt(squares[i]);
    }
    return norms;
  }
}
