package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.WeightFormat;

/**
 * What a program is bound for.
 *
 * @param options storage of frozen matrices
 */
public record CpuTarget(Kernels kernels, int threads, CompileOptions options) {

  /** Storage of a frozen matrix; F32 is what is computed with. */
  public WeightFormat weights(Value weight) {
    WeightFormat format = options.of(weight);
    return format.equals(WeightFormat.F32) ? elements() : format;
  }

  /** The format of {@link #floats}. */
  public Elements elements() {
    return new Elements(floats());
  }

  /** Elements of everything but stored matrices. */
  public DType floats() {
    return kernels.dtype();
  }
}
