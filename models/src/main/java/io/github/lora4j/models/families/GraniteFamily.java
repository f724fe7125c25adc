package io.github.lora4j.models.families;

import io.github.lora4j.graph.LossOp;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Granite 3 (Granite Team 2024): a Llama with a factor on embeddings, scores, blocks and logits. */
public final class GraniteFamily implements ModelFamily {
  @Override
  public Set<String> modelTypes() {
    return Set.of("granite");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(GgufKeys.decoder("granite", "granite", GgufKeys.tensor("blk.0.attn_q.bias", "attention_bias"), GgufKeys.tensor("blk.0.ffn_up.bias", "mlp_bias"),
        GgufKeys.number("attention.scale", "attention_multiplier"), GgufKeys.number("embedding_scale", "embedding_multiplier"),
        GgufKeys.number("residual_scale", "residual_multiplier"), GgufKeys.number("logit_scale", "logits_scaling")));
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Granite(config);
  }

  private static final class Granite extends Llama {
    Granite(ModelConfig config) {
      super(config, LlamaFamily.facts(Map.of(Head.None.class, "GraniteModel", Head.LanguageModel.class, "GraniteForCausalLM"),
          LlamaFamily.BLOCKS, LlamaFamily.GGUF, List.of("q_proj", "k_proj")),
          new Biases(config.flag("attention_bias", false), config.flag("attention_bias", false), config.flag("mlp_bias", false)));
    }

    @Override
    double scale() {
      return config.positive("attention_multiplier", 1);
    }

    @Override
    Value embedded(Sites sites, Value words) {
      return sites.graph().scale(words, config.positive("embedding_multiplier", 1));
    }

    @Override
    Value branch(Sites sites, Value y) {
      return sites.graph().scale(y, config.positive("residual_multiplier", 1));
    }

    @Override
    LossOp.Logits scaled() {
      return new LossOp.Logits(1 / config.positive("logits_scaling", 1), 0);
    }
  }
}
