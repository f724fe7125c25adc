package io.github.lora4j.lora;

import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.ConfigException;
import java.util.List;

/**
 * One trainable tensor: in the program, in the file, in the optimizer.
 *
 * @param slot the program's slot: the Hugging Face name, "encoder.layer.0.attention.self.query.lora_A.weight"
 * @param key the tensor's name in {@code adapter_model.safetensors}
 * @param shape as in the file; one or two dimensions
 * @param group index into {@link Adapter#groups}
 * @param initial value before training
 * @param flat whether the program holds it as one row, whatever its shape
 */
public record AdapterParameter(String slot, String key, List<Long> shape, int group, Initial initial, boolean flat) {

  /** What PEFT puts before every name. */
  public static final String PREFIX = "base_model.model.";

  /** A parameter that the program holds in its shape. */
  public AdapterParameter(String slot, String key, List<Long> shape, int group, Initial initial) {
    this(slot, key, shape, group, initial, false);
  }

  /** Checks the shape. */
  public AdapterParameter {
    shape = List.copyOf(shape);
    if (shape.isEmpty() || shape.size() > 2 || shape.stream().anyMatch(d -> d < 0 || d > Integer.MAX_VALUE)) {
      throw new ConfigException("adapter parameter %s: shape must be one or two dimensions that are not negative, got %s".formatted(slot, shape));
    }
  }

  /** A parameter whose key in the file is its slot behind PEFT's prefix. */
  public static AdapterParameter of(String slot, List<Long> shape, int group, Initial initial) {
    return new AdapterParameter(slot, PREFIX + slot, shape, group, initial);
  }

  /** A matrix of rows × columns, see {@link #of(String, List, int, Initial)}. */
  public static AdapterParameter matrix(String slot, int rows, int cols, int group, Initial initial) {
    return of(slot, List.of((long) rows, (long) cols), group, initial);
  }

  /** The same parameter in another group. */
  public AdapterParameter inGroup(int other) {
    return new AdapterParameter(slot, key, shape, other, initial, flat);
  }

  /** Number of elements. */
  public long elements() {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }

  /** Whether this is a parameter of the base model that trains, not one the adapter brings. */
  public boolean ofBase() {
    return initial instanceof Initial.FromBase;
  }

  /** The shape in the program, where a vector is one row. */
  public Shape programShape() {
    if (flat) {
      return Shape.vector(Math.toIntExact(elements()));
    }
    int last = Math.toIntExact(shape.getLast());
    return shape.size() == 1 ? Shape.vector(last) : Shape.of(Math.toIntExact(shape.getFirst()), last);
  }

  /** The trainable slot, declared if it is not yet. */
  public Value declare(Sites sites) {
    return sites.trainable(slot, programShape(), group);
  }
}
