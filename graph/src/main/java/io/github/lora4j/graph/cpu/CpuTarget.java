package io.github.lora4j.graph.cpu;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.WeightFormat;

/**
 * What a program is bound for.
 *
 * @param weights storage of frozen matrices
 */
public record CpuTarget(Kernels kernels, int threads, WeightFormat weights) {

  /** The format of {@link #floats}. */
  public Elements elements() {
    return new Elements(floats());
  }

  /** Elements of everything but stored matrices. */
  public DType floats() {
    return kernels.dtype();
  }
}
