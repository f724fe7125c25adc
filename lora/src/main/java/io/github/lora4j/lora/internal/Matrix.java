package io.github.lora4j.lora.internal;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** A matrix of doubles, row-major. For host-side algebra once per run, not for training steps. */
public record Matrix(int rows, int cols, double[] data) {

  /** Checks the size. */
  public Matrix {
    if (data.length != Math.multiplyExact(rows, cols)) {
      throw new IllegalArgumentException("a matrix of %d x %d needs %d elements, got %d".formatted(rows, cols, rows * cols, data.length));
    }
  }

  /** All zero. */
  public static Matrix zeros(int rows, int cols) {
    return new Matrix(rows, cols, new double[Math.multiplyExact(rows, cols)]);
  }

  /** F32 values, row-major. */
  public static Matrix of(int rows, int cols, MemorySegment f32) {
    Matrix result = zeros(rows, cols);
    for (int i = 0; i < result.data.length; i++) {
      result.data[i] = f32.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
    }
    return result;
  }

  /** Writes the elements as F32. */
  public void store(MemorySegment f32) {
    for (int i = 0; i < data.length; i++) {
      f32.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, (float) data[i]);
    }
  }

  /** One element. */
  public double at(int row, int col) {
    return data[row * cols + col];
  }

  /** Rows as columns. */
  public Matrix transpose() {
    Matrix result = zeros(cols, rows);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < cols; j++) {
        result.data[j * rows + i] = data[i * cols + j];
      }
    }
    return result;
  }

  /** The product with another matrix. */
  public Matrix times(Matrix right) {
    if (cols != right.rows) {
      throw new IllegalArgumentException("[%d, %d] times [%d, %d]".formatted(rows, cols, right.rows, right.cols));
    }
    Matrix result = zeros(rows, right.cols);
    for (int i = 0; i < rows; i++) {
      for (int k = 0; k < cols; k++) {
        addRow(data[i * cols + k], right.data, k * right.cols, result.data, i * right.cols, right.cols);
      }
    }
    return result;
  }

  /** This and {@code factor} times another. */
  public Matrix plus(double factor, Matrix other) {
    Matrix result = new Matrix(rows, cols, data.clone());
    addRow(factor, other.data, 0, result.data, 0, data.length);
    return result;
  }

  /** Every row multiplied with a factor of its own. */
  public Matrix scaleRows(double[] factors) {
    Matrix result = new Matrix(rows, cols, data.clone());
    for (int i = 0; i < data.length; i++) {
      result.data[i] *= factors[i / cols];
    }
    return result;
  }

  /** Some of the rows. */
  public Matrix rows(int first, int end) {
    return new Matrix(end - first, cols, Arrays.copyOfRange(data, first * cols, end * cols));
  }

  static void addRow(double factor, double[] from, int fromOffset, double[] to, int toOffset, int length) {
    for (int j = 0; j < length; j++) {
      to[toOffset + j] += factor * from[fromOffset + j];
    }
  }

  /** Inner product with four sums, so that they need not wait for each other. */
  static double dot(double[] x, int xOffset, double[] y, int yOffset, int length) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i + 3 < length; i += 4) {
      s0 += x[xOffset + i] * y[yOffset + i];
      s1 += x[xOffset + i + 1] * y[yOffset + i + 1];
      s2 += x[xOffset + i + 2] * y[yOffset + i + 2];
      s3 += x[xOffset + i + 3] * y[yOffset + i + 3];
    }
    for (; i < length; i++) {
      s0 += x[xOffset + i] * y[yOffset + i];
    }
    return s0 + s1 + (s2 + s3);
  }
}
