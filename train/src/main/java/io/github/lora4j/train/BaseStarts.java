package io.github.lora4j.train;

import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterParameter;
import io.github.lora4j.lora.AdapterValues;
import io.github.lora4j.lora.BaseStart;
import io.github.lora4j.models.Weights;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Memory;
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

  /** Makes a base weight, as loaded, what the program computes with. */
  void change(Value parameter, DType as, MemorySegment weight) {
    BaseStart start = starts.get(parameter.name());
    if (start == null) {
      return;
    }
    if (as == DType.F32) {
      start.subtract(weight, values);
      return;
    }
    try (Memory memory = new Memory("changed base weight")) {
      MemorySegment narrow = memory.allocate(start.shape().elements() * Float.BYTES, start.weight());
      for (long i = 0; i < start.shape().elements(); i++) {
        narrow.setAtIndex(java.lang.foreign.ValueLayout.JAVA_FLOAT, i,
            (float) weight.getAtIndex(java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED, i));
      }
      start.subtract(narrow, values);
      Session.widen(narrow, as, weight);
    }
  }

  @Override
  public void close() {
    values.close();
  }
}
