package io.github.lora4j.models.families;

import io.github.lora4j.graph.ModuleInfo.Kind;
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

/** Phi-3 and Phi-4 mini (Abdin et al. 2024): a Llama with one module for queries, keys and values, and one for gate and up. */
public final class Phi3Family implements ModelFamily {
  @Override
  public Set<String> modelTypes() {
    return Set.of("phi3");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(GgufKeys.decoder("phi3", "phi3", GgufKeys.whole("attention.sliding_window", "sliding_window")));
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Phi3(config);
  }

  private static final class Phi3 extends Llama {
    Phi3(ModelConfig config) {
      super(config, LlamaFamily.facts(LlamaFamily.classes("Phi3", true), LlamaFamily.BLOCKS, LlamaFamily.gguf(Map.of(
          "layers.{}.self_attn.qkv_proj", "blk.{}.attn_qkv", "layers.{}.mlp.gate_up_proj", "blk.{}.ffn_up"), "layers.{}.self_attn.q_proj",
          "layers.{}.self_attn.k_proj", "layers.{}.self_attn.v_proj", "layers.{}.mlp.gate_proj", "layers.{}.mlp.up_proj"), List.of()),
          Biases.NONE, Windows.ALL);
    }

    @Override
    Value norm(Sites sites, String module, Value x, int columns) {
      return sites.rmsNorm(module, x, columns, config.positive("rms_norm_eps", 1e-5), 0);
    }

    @Override
    Value layer(Sites sites, PackedInputs in, int index, Value x, Rows wanted) {
      Value y = super.layer(sites, in, index, x, wanted);
      sites.module("resid_attn_dropout", Kind.DROPOUT);
      sites.module("resid_mlp_dropout", Kind.DROPOUT);
      return y;
    }

    @Override
    List<Value> projected(Sites sites, PackedInputs in, Value x, Rows wanted) {
      sites.order("o_proj");
      List<Value> qkv = sites.graph().split(sites.linear("qkv_proj", x, (heads + 2 * kvHeads) * headSize, false), 1,
          List.of(heads * headSize, kvHeads * headSize, kvHeads * headSize));
      return List.of(in.choose(sites.graph(), wanted, qkv.getFirst()), qkv.get(1), qkv.get(2));
    }

    @Override
    Value feedForward(Sites sites, Value x) {
      List<Value> parts = sites.graph().split(sites.linear("gate_up_proj", x, 2 * inner, false), 2);
      Value gate = sites.graph().activate(activation, parts.getFirst());
      Value down = sites.blockOutput("down_proj", sites.graph().multiply(gate, parts.get(1)), hidden, false);
      sites.module("activation_fn", Kind.ACTIVATION);
      return down;
    }
  }
}
