package io.github.lora4j.generate.internal;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.BaseNorm;
import io.github.lora4j.lora.parameters.BaseRows;
import io.github.lora4j.models.Weights;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Fills the parameters of a compiled program from a model's files and an adapter's values. */
public final class ProgramWeights {

  private final Weights base;
  private final AdapterValues values;
  private final Map<String, AdapterParameter> own;
  private final Map<String, float[]> constants;
  private final Map<String, BaseNorm> norms;
  private final Map<String, BaseRows> rows;

  private ProgramWeights(Weights base, Adapter adapter, AdapterValues values) {
    this.base = base;
    this.values = values;
    own = adapter.parameters().stream().collect(Collectors.toMap(AdapterParameter::slot, Function.identity()));
    constants = adapter.constants(values);
    norms = adapter.baseNorms();
    rows = adapter.baseRows();
  }

  /**
   * Fills every frozen and trainable parameter.
   *
   * @throws ConfigException when the adapter was trained on weights other than those in the files
   */
  public static void load(Executable executable, Weights base, LoadedAdapter adapter) {
    adapter.adapter().baseStarts().values().stream().filter(start -> start.init().changesBase()).findFirst().ifPresent(start -> {
      throw new ConfigException(("the adapter was trained on a changed base (init_lora_weights, seen at %s), so its values alone do not say what it "
          + "does; save it for the untouched base (as PEFT's path_initial_model_for_weight_conversion does), or export or merge it first")
          .formatted(start.weight()));
    });
    ProgramWeights weights = new ProgramWeights(base, adapter.adapter(), adapter.values());
    List<Value> parameters = executable.program().slots().values().stream()
        .filter(v -> v.role() == Value.Role.FROZEN || v.role() == Value.Role.TRAINABLE).sorted(Comparator.comparingInt(Value::id)).toList();
    long largest = parameters.stream().filter(v -> executable.place(v).isEmpty()).mapToLong(v -> bytes(executable, v)).max().orElse(0);
    try (Memory staging = new Memory("loading weights")) {
      MemorySegment buffer = staging.allocate(largest, "the largest weight");
      for (Value parameter : parameters) {
        float[] constant = executable.program().constants().get(parameter.name());
        if (constant != null) {
          executable.write(parameter, constant, constant.length);
        } else {
          MemorySegment target = executable.place(parameter).orElseGet(() -> buffer.asSlice(0, bytes(executable, parameter)));
          weights.read(parameter, executable.format(parameter), target);
          executable.write(parameter, target);
        }
      }
    }
    executable.arenaWritten(Executable.Arena.PARAMETERS);
    weights.requireBase(executable);
  }

  private void requireBase(Executable executable) {
    values.requireBase((name, target) -> {
      executable.program().slot(name).ifPresent(of -> base.read(of, DType.F32, target));
      return executable.program().slot(name).isPresent();
    });
  }

  private static long bytes(Executable executable, Value parameter) {
    return parameter.shape().rows() * WeightFormats.rowBytes(executable.format(parameter), parameter.shape().cols());
  }

  private void read(Value parameter, WeightFormat as, MemorySegment target) {
    String name = parameter.name();
    if (own.containsKey(name)) {
      encode(program(own.get(name)), parameter, as, target);
    } else if (constants.containsKey(name)) {
      encode(MemorySegment.ofArray(constants.get(name)), parameter, as, target);
    } else if (norms.containsKey(name)) {
      BaseNorm norm = norms.get(name);
      encode(derived(norm.weight(), norm.shape(), norm::of), parameter, as, target);
    } else if (rows.containsKey(name)) {
      BaseRows of = rows.get(name);
      encode(derived(of.weight(), of.shape(), of::of), parameter, as, target);
    } else {
      base.read(parameter, as, target);
    }
  }

  private MemorySegment program(AdapterParameter parameter) {
    MemorySegment stored = values.get(parameter.slot());
    if (parameter.layout() != AdapterParameter.Layout.TRANSPOSED) {
      return stored;
    }
    MemorySegment turned = MemorySegment.ofArray(new float[Math.toIntExact(parameter.elements())]);
    parameter.toProgram(stored, turned);
    return turned;
  }

  private MemorySegment derived(String name, Shape shape, Function<BiConsumer<Integer, MemorySegment>, float[]> of) {
    return MemorySegment.ofArray(base.rows(new Value(-1, name, shape, Value.Role.FROZEN, DType.F32), of));
  }

  private static void encode(MemorySegment f32, Value parameter, WeightFormat as, MemorySegment target) {
    WeightFormats.encode(as, parameter.shape().rows(), parameter.shape().cols(), new Elements(DType.F32), f32, target);
  }
}
