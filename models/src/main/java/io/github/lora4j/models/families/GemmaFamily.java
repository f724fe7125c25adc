package io.github.lora4j.models.families;

import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.vector.Activation;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Gemma (Gemma Team 2024): a Llama whose norms multiply by 1 + weight, and whose embeddings are scaled by √hidden. */
public final class GemmaFamily implements ModelFamily {
  @Override
  public Set<String> modelTypes() {
    return Set.of("gemma");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(GgufKeys.decoder("gemma", "gemma").withShiftedNorms());
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Gemma(config, LlamaFamily.facts(LlamaFamily.classes("Gemma", true), LlamaFamily.QUERIES, LlamaFamily.GGUF, List.of()), Windows.NONE);
  }

  /** What all Gemmas have in common. */
  static class Gemma extends Llama {
    Gemma(ModelConfig config, FamilyFacts facts, Windows windows) {
      super(config, facts, new Biases(config.flag("attention_bias", false), config.flag("attention_bias", false), false), windows);
      config.unset("use_bidirectional_attention");
    }

    @Override
    Activation activation() {
      return config.activation("hidden_act", "gelu_pytorch_tanh");
    }

    @Override
    Value norm(Sites sites, String module, Value x, int columns) {
      return sites.rmsNorm(module, x, columns, config.positive("rms_norm_eps", 1e-6), 1);
    }

    @Override
    Value embedded(Sites sites, Value words) {
      return sites.graph().scale(words, (float) Math.sqrt(hidden));
    }

    @Override
    boolean tied() {
      return config.flag("tie_word_embeddings", true);
    }
  }
}
