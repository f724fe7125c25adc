package io.github.lora4j.graph;

import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;

/**
 * How a backend keeps a program.
 *
 * @param weights storage of frozen matrices: F32, F16 or BF16 for half the memory (exact where the file has that type), or another format
 */
public record CompileOptions(WeightFormat weights) {

  /** F32 weights. */
  public static final CompileOptions DEFAULT = new CompileOptions(WeightFormat.F32);

  /** Tries the format: {@link WeightFormats#checked}. */
  public CompileOptions {
    WeightFormats.checked(weights);
  }
}
