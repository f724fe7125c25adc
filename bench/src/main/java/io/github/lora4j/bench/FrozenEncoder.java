package io.github.lora4j.bench;

import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.Initial;
import java.util.List;
import java.util.Map;

/** Trains the classifier alone: everything below it is frozen. */
record FrozenEncoder(int hidden, int labels) implements Adapter {
  @Override
  public List<AdapterParameter> parameters() {
    return List.of(AdapterParameter.of("classifier.weight", List.of((long) labels, (long) hidden), 0, Initial.FROM_BASE),
        AdapterParameter.of("classifier.bias", List.of((long) labels), 1, Initial.FROM_BASE));
  }

  @Override
  public Map<String, Object> peftConfig() {
    return Map.of("peft_type", "NONE", "base_model_name_or_path", "");
  }
}
