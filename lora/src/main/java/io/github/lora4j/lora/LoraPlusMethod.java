package io.github.lora4j.lora;

import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.lora.settings.Settings;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * LoRA+ over another method: the method's name with a plus behind it ("lora+", "adalora+") in a recipe. Its settings are the method's, and
 * {@code loraplus_lr_ratio} and {@code loraplus_lr_embedding}.
 */
record LoraPlusMethod(AdapterMethod of) implements AdapterMethod {

  @Override
  public String name() {
    return of.name() + "+";
  }

  @Override
  public String peftType() {
    return of.peftType();
  }

  @Override
  public Adapter create(Map<String, ?> settings, ModelDescription model) {
    Problems problems = new Problems();
    Settings in = new Settings(settings, problems);
    double ratio = in.number("loraplus_lr_ratio", LoraPlus.DEFAULT_RATIO);
    double embedding = in.number("loraplus_lr_embedding", LoraPlus.DEFAULT_EMBEDDING_RATE);
    in.any("loraplus_weight_decay").ifPresent(value -> problems.add("loraplus_weight_decay is not a setting here: optimizer.weight_decay holds "
        + "for LoRA+ too, group by group"));
    problems.raise(name());
    Map<String, Object> rest = new LinkedHashMap<>(settings);
    in.known().forEach(rest::remove);
    return new LoraPlus(of.create(rest, model), ratio, embedding);
  }

  @Override
  public OptionalDouble learningRate() {
    return of.learningRate();
  }

  /** A saved adapter does not say how it was trained. */
  @Override
  public Adapter restore(Map<String, ?> config, ModelDescription model) {
    return of.restore(config, model);
  }
}
