package io.github.lora4j.models.families;

import io.github.lora4j.graph.LossOp;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Command R (Cohere 2024): layer norms without bias, attention and feed-forward side by side, neighbours as rotary pairs. */
public final class CohereFamily implements ModelFamily {
  @Override
  public Set<String> modelTypes() {
    return Set.of("cohere");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(GgufKeys.layerNormed("command-r", "cohere", "layer_norm_eps", GgufKeys.tensor("blk.0.attn_q.bias", "attention_bias"),
        GgufKeys.number("logit_scale", "logit_scale")));
  }

  @Override
  public Architecture of(ModelConfig config) {
    config.unset("use_qk_norm");
    return new Cohere(config);
  }

  private static final class Cohere extends Llama {
    Cohere(ModelConfig config) {
      super(config, LlamaFamily.facts(Map.of(Head.None.class, "CohereModel", Head.LanguageModel.class, "CohereForCausalLM"),
          LlamaFamily.BLOCKS, LlamaFamily.gguf(Map.of(), "layers.{}.post_attention_layernorm"), List.of()),
          new Biases(config.flag("attention_bias", false), config.flag("attention_bias", false), false));
    }

    @Override
    Rope rope() {
      return super.rope().ofNeighbours();
    }

    @Override
    Value norm(Sites sites, String module, Value x, int columns) {
      return sites.layerNormOfWeight(module, x, config.positive("layer_norm_eps", 1e-5));
    }

    @Override
    Value layer(Sites sites, PackedInputs in, int index, Value x, Rows wanted) {
      return sideBySide(sites, in, index, x, wanted);
    }

    @Override
    LossOp.Logits scaled() {
      return new LossOp.Logits(config.positive("logit_scale", 0.0625), 0);
    }

    @Override
    boolean tied() {
      return config.flag("tie_word_embeddings", true);
    }
  }
}
