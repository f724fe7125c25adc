package io.github.lora4j.lora.parameters;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.internal.Elements;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiPredicate;
import java.util.function.Function;

/** The F32 values of an adapter's parameters, row-major, on native memory of its own; zero at first. */
public final class AdapterValues implements AutoCloseable {

  private final Memory memory = new Memory("adapter");
  private final Map<String, AdapterParameter> parameters = new LinkedHashMap<>();
  private final Map<String, MemorySegment> values = new LinkedHashMap<>();
  private final Map<String, Expected> expected = new LinkedHashMap<>();

  private record Expected(long elements, long checksum) {}

  /** Room for these parameters. */
  public AdapterValues(List<AdapterParameter> parameters) {
    for (AdapterParameter p : parameters) {
      this.parameters.put(p.slot(), p);
      values.put(p.slot(), memory.allocate(p.elements() * Float.BYTES, p.slot()));
    }
  }

  /** The values of a parameter, by its slot's name. */
  public MemorySegment get(String slot) {
    MemorySegment value = values.get(slot);
    if (value == null) {
      throw new ConfigException("adapter parameter %s: there is none of this name; there are %d, the first is %s"
          .formatted(slot, values.size(), values.keySet().stream().findFirst().orElse("(none)")));
    }
    return value;
  }

  /** A copy of these parameters' values, of the same slots and sizes. */
  public AdapterValues copy(List<AdapterParameter> of) {
    AdapterValues copy = new AdapterValues(of);
    copy.values.forEach((slot, value) -> value.copyFrom(get(slot)));
    return copy;
  }

  /** Fills parameters that start from norms of the base model's weights. */
  public AdapterValues initialiseNorms(Function<BaseNorm, float[]> base) {
    parameters.forEach((slot, p) -> {
      if (p.initial() instanceof Initial.OfNorm of) {
        MemorySegment.copy(base.apply(of.norm()), 0, values.get(slot), ValueLayout.JAVA_FLOAT, 0, Math.toIntExact(p.elements()));
      }
    });
    return this;
  }

  /** Fills parameters that start from rows of the base model's weights. */
  public AdapterValues initialiseRows(Function<BaseRows, float[]> base) {
    parameters.forEach((slot, p) -> {
      if (p.initial() instanceof Initial.OfRows of) {
        MemorySegment.copy(base.apply(of.rows()), 0, values.get(slot), ValueLayout.JAVA_FLOAT, 0, Math.toIntExact(p.elements()));
      }
    });
    return this;
  }

  /** Notes what a base parameter must hold, as a copy of it in the adapter's file says. */
  public void expectBase(String parameter, long elements, long checksum) {
    expected.put(parameter, new Expected(elements, checksum));
  }

  /**
   * Compares base parameters with the copies that the adapter's file held.
   *
   * @param base reads a parameter as F32, if there is one of this name
   * @throws FormatException when one differs: the adapter was trained on another model
   */
  public void requireBase(BiPredicate<String, MemorySegment> base) {
    expected.forEach((parameter, wanted) -> {
      try (Memory copy = new Memory("base weights to compare")) {
        MemorySegment data = copy.allocate(wanted.elements * Float.BYTES, parameter);
        if (base.test(parameter, data) && Elements.checksum(data) != wanted.checksum) {
          throw new FormatException(("the adapter's file holds a copy of %s that differs from the base model's: it was trained on another "
              + "base, or that weight was changed, as by new tokens; use the model it was trained on").formatted(parameter));
        }
      }
    });
  }

  /** Draws the initial values of the adapter's own parameters; those of the base model stay as they are. */
  public AdapterValues initialise(long seed) {
    parameters.forEach((slot, p) -> p.initial().fill(slot, seed, get(slot)));
    return this;
  }

  /**
   * Takes the parameters that belong to the base model from its checkpoint.
   *
   * @return those it does not have: a fresh head, which the model must initialise
   * @throws FormatException when a shape differs
   */
  public List<AdapterParameter> readBase(Checkpoint base) {
    List<AdapterParameter> fresh = new ArrayList<>();
    for (AdapterParameter p : parameters.values()) {
      if (!p.ofBase()) {
        continue;
      }
      if (!base.names().contains(p.slot())) {
        fresh.add(p);
        continue;
      }
      TensorInfo info = base.info(p.slot());
      if (!info.shape().equals(p.shape())) {
        throw new FormatException("%s: tensor %s: expected shape %s, got %s".formatted(base.describe(), p.slot(), p.shape(), info.shape()));
      }
      base.read(p.slot(), DType.F32, get(p.slot()));
    }
    return fresh;
  }

  /** Copies all values into the program's slots. */
  public void write(Executable to) {
    values.forEach((slot, value) -> {
      MemorySegment program = MemorySegment.ofArray(new float[(int) (value.byteSize() / Float.BYTES)]);
      parameter(slot).toProgram(value, program);
      float[] copy = program.toArray(ValueLayout.JAVA_FLOAT);
      to.write(slot(to, slot), copy, copy.length);
    });
  }

  /** Copies all values out of the program's slots. */
  public void read(Executable from) {
    values.forEach((slot, value) -> parameter(slot).fromProgram(MemorySegment.ofArray(from.floats(slot(from, slot))), value));
  }

  private AdapterParameter parameter(String slot) {
    return Objects.requireNonNull(parameters.get(slot), "every value is a parameter's");
  }

  private static Value slot(Executable executable, String name) {
    return executable.program().slot(name).orElseThrow(() -> new ConfigException("the program has no slot for adapter parameter " + name));
  }

  @Override
  public void close() {
    memory.close();
  }
}
