package io.github.lora4j.graph;

import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.util.Map;

/**
 * How a backend keeps a program.
 *
 * @param weights storage of frozen matrices: F32, F16 or BF16 for half the memory (exact where the file has that type), or another format
 * @param others storage of those, by name, that are kept in another way
 */
public record CompileOptions(WeightFormat weights, Map<String, WeightFormat> others) {

  /** F32 weights. */
  public static final CompileOptions DEFAULT = new CompileOptions(WeightFormat.F32);

  /** Tries the formats: {@link WeightFormats#checked}. */
  public CompileOptions {
    others = Map.copyOf(others);
    WeightFormats.checked(weights);
    others.values().stream().distinct().forEach(WeightFormats::checked);
  }

  /** The same storage for all. */
  public CompileOptions(WeightFormat weights) {
    this(weights, Map.of());
  }

  /** The storage of a frozen matrix. */
  public WeightFormat of(Value weight) {
    return others.getOrDefault(weight.name(), weights);
  }
}
