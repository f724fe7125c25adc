package io.github.lora4j.models.families;

import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Qwen3 (Yang et al. 2025): a Llama that norms each head of queries and keys. */
public final class Qwen3Family implements ModelFamily {
  /** GGUF's names of norms of heads. */
  static final Map<String, String> NORMS = Map.of("layers.{}.self_attn.q_norm", "blk.{}.attn_q_norm", "layers.{}.self_attn.k_norm",
      "blk.{}.attn_k_norm");

  @Override
  public Set<String> modelTypes() {
    return Set.of("qwen3");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(GgufKeys.decoder("qwen3", "qwen3", GgufKeys.tensor("blk.0.attn_q.bias", "attention_bias")));
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Qwen3(config);
  }

  private static final class Qwen3 extends Llama {
    Qwen3(ModelConfig config) {
      super(config, LlamaFamily.facts(LlamaFamily.classes("Qwen3", true), LlamaFamily.QUERIES, LlamaFamily.gguf(NORMS), List.of()),
          new Biases(config.flag("attention_bias", false), config.flag("attention_bias", false), false), Windows.UPPER);
    }

    @Override
    List<Value> projected(Sites sites, PackedInputs in, Value x, Rows wanted) {
      return normedHeads(this, sites, super.projected(sites, in, x, wanted), headSize);
    }
  }

  /** Queries and keys whose groups of so many columns are normed, before positions turn them. */
  static List<Value> normedHeads(Llama model, Sites sites, List<Value> qkv, int columns) {
    sites.order("q_proj", "k_proj", "v_proj", "o_proj");
    return List.of(model.norm(sites, "q_norm", qkv.getFirst(), columns), model.norm(sites, "k_norm", qkv.get(1), columns), qkv.get(2));
  }
}
