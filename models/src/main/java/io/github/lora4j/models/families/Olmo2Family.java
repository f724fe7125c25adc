package io.github.lora4j.models.families;

import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** OLMo 2 and 3 (OLMo Team 2024, 2025): norms behind each block, and of all queries and keys; OLMo 3 has windows. */
public final class Olmo2Family implements ModelFamily {
  @Override
  public Set<String> modelTypes() {
    return Set.of("olmo2", "olmo3");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(GgufKeys.decoder("olmo2", "olmo2", GgufKeys.tensor("blk.0.attn_q.bias", "attention_bias")));
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Olmo2(config, config.modelType().equals("olmo3"));
  }

  private static Map<String, String> names() {
    Map<String, String> names = new HashMap<>(LlamaFamily.gguf(Qwen3Family.NORMS, "layers.{}.input_layernorm"));
    names.put("layers.{}.post_attention_layernorm", "blk.{}.post_attention_norm");
    names.put("layers.{}.post_feedforward_layernorm", "blk.{}.post_ffw_norm");
    return names;
  }

  private static final class Olmo2 extends Llama {
    Olmo2(ModelConfig config, boolean windows) {
      super(config, LlamaFamily.facts(LlamaFamily.classes(windows ? "Olmo3" : "Olmo2", false), LlamaFamily.BLOCKS, names(), List.of()),
          new Biases(config.flag("attention_bias", false), config.flag("attention_bias", false), false),
          windows ? (of, layers) -> Windows.byType(of, layers, i -> (i + 1) % 4 != 0) : Windows.NONE);
    }

    @Override
    Rope rope() {
      ModelConfig parameters = RopeScaling.parameters(config);
      if (!parameters.has("full_attention")) {
        return super.rope();
      }
      ModelConfig whole = parameters.object("full_attention").orElseThrow();
      if (parameters.has("sliding_attention") && !parameters.json().get("sliding_attention").equals(parameters.json().get("full_attention"))) {
        throw parameters.error("sliding_attention %s differs from full_attention %s, which is not supported".formatted(
            parameters.json().get("sliding_attention"), parameters.json().get("full_attention")));
      }
      return Rope.of(Rope.TABLE, config, whole, headSize);
    }

    @Override
    Value norm(Sites sites, String module, Value x, int columns) {
      return sites.rmsNorm(module, x, columns, config.positive("rms_norm_eps", 1e-5), 0);
    }

    @Override
    List<Value> projected(Sites sites, PackedInputs in, Value x, Rows wanted) {
      List<Value> qkv = super.projected(sites, in, x, wanted);
      sites.order("q_proj", "k_proj", "v_proj", "o_proj");
      return List.of(norm(sites, "q_norm", qkv.getFirst()), norm(sites, "k_norm", qkv.get(1)), qkv.get(2));
    }

    @Override
    Value layer(Sites sites, PackedInputs in, int index, Value x, Rows wanted) {
      Value rows = in.choose(sites.graph(), wanted, x);
      Value attended = norm(sites, "post_attention_layernorm", attention(sites, in, index, x, wanted));
      Value y = sites.graph().add(attended, rows);
      sites.order("self_attn", "mlp");
      return sites.graph().add(norm(sites, "post_feedforward_layernorm", feedForward(sites.within("mlp."), y)), y);
    }
  }
}
