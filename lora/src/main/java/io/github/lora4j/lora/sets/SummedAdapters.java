package io.github.lora4j.lora.sets;

import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.internal.Elements;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.WeightChange;
import io.github.lora4j.vector.DType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Several adapters to be merged as one: W + Σ sᵢ·Bᵢ·Aᵢ, summed in double and rounded once. */
record SummedAdapters(List<SetMember> members, List<AdapterParameter> parameters) implements Adapter {

  /** Adapter and values of those parameters that replace the base's. */
  static LoadedAdapter of(List<SetMember> members) {
    List<AdapterParameter> replaced = members.stream().flatMap(m -> m.adapter().parameters().stream()).filter(AdapterParameter::ofBase)
        .toList();
    AdapterValues values = new AdapterValues(replaced);
    members.forEach(m -> m.adapter().parameters().stream().filter(AdapterParameter::ofBase)
        .forEach(p -> values.get(p.slot()).copyFrom(m.values().get(p.slot()))));
    return new LoadedAdapter(new SummedAdapters(List.copyOf(members), replaced), values);
  }

  @Override
  public Map<String, WeightChange> weightChanges(AdapterValues values) {
    Map<String, List<WeightChange>> changes = new LinkedHashMap<>();
    members.forEach(m -> m.adapter().weightChanges(m.values()).forEach((name, change) -> changes
        .computeIfAbsent(name, _ -> new ArrayList<>()).add(change)));
    Map<String, WeightChange> sums = new LinkedHashMap<>();
    changes.forEach((name, list) -> sums.put(name, list.size() == 1 ? list.getFirst() : (type, data) -> {
      double[] wide = new double[Math.toIntExact(data.byteSize() / type.bytes())];
      Elements.load(type, data, 0, wide);
      list.forEach(change -> change.apply(DType.F64, MemorySegment.ofArray(wide)));
      Elements.store(name, type, wide, data, 0);
    }));
    return sums;
  }
}
