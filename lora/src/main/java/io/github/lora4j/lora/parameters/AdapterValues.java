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
import java.util.Optional;
import java.util.function.BiPredicate;
import java.util.function.Function;

/**
 * The F32 values of an adapter's parameters, row-major as files have them: on native memory of its own, zero at first, or read from where
 * they lie whenever they are asked for.
 */
public final class AdapterValues implements AutoCloseable {

  /** Gives the values of parameters that lie elsewhere. */
  @FunctionalInterface
  public interface Source {
    /** Fills {@code target} with a parameter's F32 values in the file's layout. */
    void read(AdapterParameter parameter, MemorySegment target);

    /** The values themselves, where they lie in memory in that form. */
    default Optional<MemorySegment> inPlace(AdapterParameter parameter) {
      return Optional.empty();
    }
  }

  private record Viewed(AdapterValues of) implements Source {
    @Override
    public void read(AdapterParameter parameter, MemorySegment target) {
      of.copyTo(parameter.slot(), target);
    }

    @Override
    public Optional<MemorySegment> inPlace(AdapterParameter parameter) {
      return Optional.of(of.get(parameter.slot()));
    }
  }

  private final Memory memory = new Memory("adapter");
  private final Map<String, AdapterParameter> parameters = new LinkedHashMap<>();
  private final Map<String, MemorySegment> values = new LinkedHashMap<>();
  private final Map<String, Expected> expected = new LinkedHashMap<>();

  private final Source source;
  private final Runnable released;

  private record Expected(long elements, long checksum) {}

  /** Room for these parameters. */
  public AdapterValues(List<AdapterParameter> parameters) {
    this(parameters, (_, _) -> { }, () -> { });
    parameters.forEach(this::hold);
  }

  private AdapterValues(List<AdapterParameter> parameters, Source source, Runnable released) {
    this.source = source;
    this.released = released;
    parameters.forEach(p -> this.parameters.put(p.slot(), p));
  }

  /**
   * Values that stay where they are: what {@link #copyTo} gives is read there each time, and only what {@link #get} gives is kept here, as
   * it was at the first call.
   *
   * @param source must give values for as long as this is open
   * @param released run when this is closed
   */
  public static AdapterValues from(List<AdapterParameter> parameters, Source source, Runnable released) {
    return new AdapterValues(parameters, source, released);
  }

  /** These parameters' values without a copy of them, for as long as this is open. */
  public AdapterValues view(List<AdapterParameter> of) {
    return from(of, new Viewed(this), () -> { });
  }

  private MemorySegment hold(AdapterParameter p) {
    MemorySegment value = memory.allocate(p.elements() * Float.BYTES, p.slot());
    values.put(p.slot(), value);
    return value;
  }

  /** The values of a parameter, by its slot's name. */
  public MemorySegment get(String slot) {
    MemorySegment value = values.get(slot);
    if (value != null) {
      return value;
    }
    AdapterParameter p = parameter(slot);
    return source.inPlace(p).orElseGet(() -> {
      MemorySegment held = hold(p);
      source.read(p, held);
      return held;
    });
  }

  /** Copies the values of a parameter, by its slot's name, to memory of their size; nothing else is held for it. */
  public void copyTo(String slot, MemorySegment target) {
    MemorySegment value = values.get(slot);
    if (value == null) {
      source.read(parameter(slot), target);
    } else {
      target.copyFrom(value);
    }
  }

  /** A copy of these parameters' values, of the same slots and sizes. */
  public AdapterValues copy(List<AdapterParameter> of) {
    AdapterValues copy = new AdapterValues(of);
    copy.values.forEach(this::copyTo);
    return copy;
  }

  /** Fills parameters that start from norms of the base model's weights. */
  public AdapterValues initialiseNorms(Function<BaseNorm, float[]> base) {
    parameters.forEach((slot, p) -> {
      if (p.initial() instanceof Initial.OfNorm of) {
        MemorySegment.copy(base.apply(of.norm()), 0, get(slot), ValueLayout.JAVA_FLOAT, 0, Math.toIntExact(p.elements()));
      }
    });
    return this;
  }

  /** Fills parameters that start from rows of the base model's weights. */
  public AdapterValues initialiseRows(Function<BaseRows, float[]> base) {
    parameters.forEach((slot, p) -> {
      if (p.initial() instanceof Initial.OfRows of) {
        MemorySegment.copy(base.apply(of.rows()), 0, get(slot), ValueLayout.JAVA_FLOAT, 0, Math.toIntExact(p.elements()));
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
    parameters.forEach((slot, p) -> {
      MemorySegment program = MemorySegment.ofArray(new float[Math.toIntExact(p.elements())]);
      p.toProgram(get(slot), program);
      float[] copy = program.toArray(ValueLayout.JAVA_FLOAT);
      to.write(slot(to, slot), copy, copy.length);
    });
  }

  /** Copies all values out of the program's slots. */
  public void read(Executable from) {
    parameters.forEach((slot, p) -> p.fromProgram(MemorySegment.ofArray(from.floats(slot(from, slot))), get(slot)));
  }

  private AdapterParameter parameter(String slot) {
    AdapterParameter parameter = parameters.get(slot);
    if (parameter == null) {
      throw new ConfigException("adapter parameter %s: there is none of this name; there are %d, the first is %s"
          .formatted(slot, parameters.size(), parameters.keySet().stream().findFirst().orElse("(none)")));
    }
    return parameter;
  }

  private static Value slot(Executable executable, String name) {
    return executable.program().slot(name).orElseThrow(() -> new ConfigException("the program has no slot for adapter parameter " + name));
  }

  @Override
  public void close() {
    memory.close();
    released.run();
  }
}
