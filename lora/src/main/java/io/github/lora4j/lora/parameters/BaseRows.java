package io.github.lora4j.lora.parameters;

import io.github.lora4j.graph.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Some rows of a base weight.
 *
 * @param weight the parameter: "model.embed_tokens.weight"
 * @param shape as the program holds it
 * @param rows which rows, in order
 */
public record BaseRows(String weight, Shape shape, List<Integer> rows) {

  /** Copies the list. */
  public BaseRows {
    rows = List.copyOf(rows);
  }

  /** The rows, one behind another. */
  public float[] of(MemorySegment f32) {
    int cols = shape.cols();
    float[] values = new float[rows.size() * cols];
    for (int i = 0; i < rows.size(); i++) {
      MemorySegment.copy(f32, ValueLayout.JAVA_FLOAT_UNALIGNED, (long) rows.get(i) * cols * Float.BYTES, values, i * cols, cols);
    }
    return values;
  }
}
