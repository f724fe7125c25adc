package io.github.lora4j.graph;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;

/**
 * How a backend keeps a program.
 *
 * @param weights storage of frozen matrices: F32, or F16/BF16 for half the memory (exact where the file has that type)
 */
public record CompileOptions(DType weights) {

  /** F32 weights. */
  public static final CompileOptions DEFAULT = new CompileOptions(DType.F32);

  /** Checks the type. */
  public CompileOptions {
    if (weights != DType.F32 && weights != DType.F16 && weights != DType.BF16) {
      throw new ConfigException("weights are stored as F32, F16 or BF16, not " + weights);
    }
  }
}
