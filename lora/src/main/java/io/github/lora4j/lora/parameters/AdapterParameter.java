package io.github.lora4j.lora.parameters;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.vector.ConfigException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * One trainable tensor: in the program, in the file, in the optimizer.
 *
 * @param slot the program's slot: the Hugging Face name, "encoder.layer.0.attention.self.query.lora_A.weight"
 * @param key the tensor's name in {@code adapter_model.safetensors}
 * @param shape as in the file; behind the first two dimensions come those of a convolution's kernel
 * @param group index into {@link Adapter#groups}
 * @param initial value before training
 * @param layout how the program holds it
 */
public record AdapterParameter(String slot, String key, List<Long> shape, int group, Initial initial, Layout layout) {

  /** How the program holds a parameter, whatever its shape in the file. */
  public enum Layout {
    /** In the file's shape. */
    AS_STORED,
    /** As one row. */
    ROW,
    /** A matrix the other way round: what is looked up by column in the file is a row in the program. */
    TRANSPOSED
  }

  /** What PEFT puts before every name. */
  public static final String PREFIX = "base_model.model.";

  /** A parameter that the program holds in its shape. */
  public AdapterParameter(String slot, String key, List<Long> shape, int group, Initial initial) {
    this(slot, key, shape, group, initial, Layout.AS_STORED);
  }

  /** Checks the shape. */
  public AdapterParameter {
    shape = List.copyOf(shape);
    if (shape.isEmpty() || shape.size() > 5 || shape.stream().anyMatch(d -> d < 0 || d > Integer.MAX_VALUE)) {
      throw new ConfigException("adapter parameter %s: shape must be one to five dimensions that are not negative, got %s".formatted(slot, shape));
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

  /** A parameter of a base module that trains itself, in the layout that the module's kind has in programs. */
  public static AdapterParameter ofBase(ModuleInfo module, String slot, String key, List<Long> shape, int group) {
    boolean turned = module.kind() == ModuleInfo.Kind.CONV1D && shape.size() == 2;
    return new AdapterParameter(slot, key, shape, group, Initial.FROM_BASE, turned ? Layout.TRANSPOSED : Layout.AS_STORED);
  }

  /** The same parameter in another group. */
  public AdapterParameter inGroup(int other) {
    return new AdapterParameter(slot, key, shape, other, initial, layout);
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
    if (layout == Layout.ROW) {
      return Shape.vector(Math.toIntExact(elements()));
    }
    if (layout == Layout.TRANSPOSED) {
      return Shape.of(Math.toIntExact(shape.getLast()), Math.toIntExact(shape.getFirst()));
    }
    int last = Math.toIntExact(shape.getLast());
    if (shape.size() == 1) {
      return Shape.vector(last);
    }
    return Shape.of(Math.toIntExact(shape.getFirst()), Math.toIntExact(shape.stream().skip(1).reduce(1L, Math::multiplyExact)));
  }

  /** The trainable slot, declared if it is not yet. */
  public Value declare(Sites sites) {
    return sites.trainable(slot, programShape(), group);
  }

  /** Copies F32 values from the file's layout to the program's. */
  public void toProgram(MemorySegment stored, MemorySegment program) {
    copy(stored, program, shape.getFirst());
  }

  /** Copies F32 values from the program's layout to the file's. */
  public void fromProgram(MemorySegment program, MemorySegment stored) {
    copy(program, stored, shape.getLast());
  }

  private void copy(MemorySegment from, MemorySegment to, long rows) {
    if (layout != Layout.TRANSPOSED) {
      to.copyFrom(from);
      return;
    }
    transpose(from, to, rows, elements() / Math.max(1, rows));
  }

  /** Copies F32 rows × columns the other way round. */
  public static void transpose(MemorySegment from, MemorySegment to, long rows, long columns) {
    for (long i = 0; i < rows; i++) {
      for (long j = 0; j < columns; j++) {
        to.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, j * rows + i, from.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i * columns + j));
      }
    }
  }
}
