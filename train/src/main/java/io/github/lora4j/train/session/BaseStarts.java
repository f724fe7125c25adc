package io.github.lora4j.train.session;

import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.BaseStart;
import io.github.lora4j.models.Weights;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What the adapter's parameters start from where that comes from the base weights, kept for the run: saving needs it. */
final class BaseStarts implements AutoCloseable {

  private final Map<String, BaseStart> starts;
  private final List<AdapterParameter> parameters = new ArrayList<>();
  private final AdapterValues values;

  private BaseStarts(Map<String, BaseStart> starts, Weights source, long seed) {
    this.starts = starts;
    starts.values().forEach(start -> parameters.addAll(List.of(start.a(), start.b())));
    values = new AdapterValues(parameters);
    try {
      for (BaseStart start : starts.values()) {
        try (Memory memory = new Memory("base weights to start from")) {
          MemorySegment weight = memory.allocate(start.shape().elements() * Float.BYTES, start.weight());
          source.read(new Value(-1, start.weight(), start.shape(), Value.Role.FROZEN, DType.F32), DType.F32, weight);
          start.initialise(weight, seed, values);
        }
      }
    } catch (RuntimeException | Error e) {
      values.close();
      throw e;
    }
  }

  /**
   * Computes them; empty for adapters that start from nothing.
   *
   * @param trained whether the adapter has values already: only a change of the base matters then
   */
  static Optional<BaseStarts> of(Adapter adapter, boolean trained, Weights source, long seed) {
    Map<String, BaseStart> starts = new LinkedHashMap<>(adapter.baseStarts());
    starts.values().removeIf(start -> trained && !start.init().changesBase());
    return starts.isEmpty() ? Optional.empty() : Optional.of(new BaseStarts(starts, source, seed));
  }

  void copyTo(AdapterValues initial) {
    parameters.forEach(p -> initial.get(p.slot()).copyFrom(values.get(p.slot())));
  }

  AdapterValues copy() {
    return values.copy(parameters);
  }

  /** Reads a base weight as the program computes with it, where that is not as it is in its file; says whether it did. */
  boolean read(Value parameter, Weights source, WeightFormat as, MemorySegment target) {
    BaseStart start = starts.get(parameter.name());
    if (start == null) {
      return false;
    }
    try (Memory memory = new Memory("changed base weight")) {
      MemorySegment floats = as.equals(WeightFormat.F32) ? target : memory.allocate(start.shape().elements() * Float.BYTES, start.weight());
      source.read(parameter, DType.F32, floats);
      start.subtract(floats, values);
      if (floats != target) {
        Session.encode(floats, parameter, as, target);
      }
      return true;
    }
  }

  @Override
  public void close() {
    values.close();
  }
}
