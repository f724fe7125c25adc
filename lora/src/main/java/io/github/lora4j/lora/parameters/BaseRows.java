package io.github.lora4j.lora.parameters;

import io.github.lora4j.graph.Shape;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.BiConsumer;

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

  /** The rows of a weight that lies in memory, one behind another. */
  public float[] of(MemorySegment f32) {
    return of((row, target) -> MemorySegment.copy(f32, (long) row * shape.cols() * Float.BYTES, target, 0, target.byteSize()));
  }

  /**
   * The rows, one behind another.
   *
   * @param read fills memory with a row of the weight, as F32
   */
  public float[] of(BiConsumer<Integer, MemorySegment> read) {
    long bytes = (long) shape.cols() * Float.BYTES;
    float[] values = new float[rows.size() * shape.cols()];
    MemorySegment target = MemorySegment.ofArray(values);
    for (int i = 0; i < rows.size(); i++) {
      read.accept(rows.get(i), target.asSlice(i * bytes, bytes));
    }
    return values;
  }
}
