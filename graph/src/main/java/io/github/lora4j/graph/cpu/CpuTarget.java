package io.github.lora4j.graph.cpu;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Kernels;

/**
 * What a program is bound for.
 *
 * @param weights storage of frozen matrices
 */
public record CpuTarget(Kernels kernels, int threads, DType weights) {

  /** Elements of everything but stored matrices. */
  public DType floats() {
    return kernels.dtype();
  }
}
