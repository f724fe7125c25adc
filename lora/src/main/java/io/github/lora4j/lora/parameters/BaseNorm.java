package io.github.lora4j.lora.parameters;

import io.github.lora4j.graph.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The Euclidean norms of a base weight: of its rows, the outputs of a linear module, or of its columns, the dimensions of an embedding.
 *
 * @param weight the parameter: "…query.weight"
 * @param shape as the program holds it
 * @param columns whether of the columns
 */
public record BaseNorm(String weight, Shape shape, boolean columns) {

  /** How many norms there are. */
  public int count() {
    return columns ? shape.cols() : shape.rows();
  }

  /** The norms, summed in double. */
  public float[] of(MemorySegment f32) {
    double[] squares = new double[count()];
    int cols = shape.cols();
    for (int i = 0; i < shape.rows(); i++) {
      for (int j = 0; j < cols; j++) {
        double value = f32.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, (long) i * cols + j);
        squares[columns ? j : i] += value * value;
      }
    }
    float[] norms = new float[squares.length];
    for (int i = 0; i < norms.length; i++) {
      norms[i] = (float) Math.sqrt(squares[i]);
    }
    return norms;
  }
}
