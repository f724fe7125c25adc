package io.github.lora4j.models.llama;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Decoder;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AttentionSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The Llama decoder (Touvron et al. 2023), as Hugging Face's {@code LlamaModel} names it: pre-norm with root-mean-square norms, rotary
 * positions, grouped queries, SwiGLU.
 */
public record LlamaModel(LlamaConfig config) implements Decoder {

  /** Name of the constant that holds the angles of the positions. */
  public static final String ROPE = "rope.table";

  @Override
  public String modelType() {
    return config.modelType();
  }

  @Override
  public int vocabSize() {
    return config.vocabSize();
  }

  @Override
  public int hiddenSize() {
    return config.hiddenSize();
  }

  @Override
  public int maxPositions() {
    return config.maxPositions();
  }

  @Override
  public double initializerRange() {
    return config.initializerRange();
  }

  @Override
  public boolean tied() {
    return config.tied();
  }

  @Override
  public String embedding() {
    return "model.embed_tokens.weight";
  }

  @Override
  public Value allRows(Sites sites, PackedInputs in) {
    return run(sites, in, false);
  }

  /** The last layer computes those rows alone. */
  @Override
  public Value lastRows(Sites sites, PackedInputs in) {
    return run(sites, in, true);
  }

  private Value run(Sites recording, PackedInputs in, boolean lastOnly) {
    Sites sites = recording.sharing(config::shared);
    Value x = sites.graph().region("embeddings",
        () -> sites.embedding("model.embed_tokens", in.ids(), config.vocabSize(), config.hiddenSize(), java.util.Optional.empty()));
    for (int i = 0; i < config.layers(); i++) {
      x = layer(sites, in, i, x, lastOnly && i == config.layers() - 1);
    }
    Value last = x;
    return sites.graph().region("norm", () -> sites.rmsNorm("model.norm", last, config.rmsNormEps()));
  }

  private Value layer(Sites sites, PackedInputs in, int index, Value x, boolean lastOnly) {
    return sites.graph().region("layer." + index, () -> {
      Graph graph = sites.graph();
      String name = "model.layers." + index + ".";
      String attention = name + "self_attn.";
      int d = config.headDim();
      Value table = graph.program().constant(ROPE, Shape.of(in.maxLength(), d), () -> config.ropeTable(in.maxLength()));
      Value normed = sites.rmsNorm(name + "input_layernorm", x, config.rmsNormEps());
      Value rows = lastOnly ? graph.gather(x, in.last(), java.util.Optional.of(in.lastInverse()), java.util.Optional.empty()) : x;
      Value queries = lastOnly ? graph.gather(normed, in.last(), java.util.Optional.of(in.lastInverse()), java.util.Optional.empty()) : normed;
      Value positions = lastOnly ? in.lastPositions() : in.positions();
      Value q = graph.rope(sites.linear(attention + "q_proj", queries, config.heads() * d, config.attentionBias()), positions, table,
          config.heads());
      Value k = graph.rope(sites.linear(attention + "k_proj", normed, config.kvHeads() * d, config.attentionBias()), in.positions(), table,
          config.kvHeads());
      Value v = sites.linear(attention + "v_proj", normed, config.kvHeads() * d, config.attentionBias());
      AttentionSpec spec = new AttentionSpec(config.heads(), config.kvHeads(), d, (float) (1 / Math.sqrt(d)), true);
      Value attended = sites.attention(name + "self_attn", spec, q, k, v, lastOnly ? in.lastSegments() : in.segments(), in.maxLength());
      Value y = graph.add(sites.blockOutput(attention + "o_proj", attended, config.hiddenSize(), config.outputBias()), rows);
      Value inner = sites.rmsNorm(name + "post_attention_layernorm", y, config.rmsNormEps());
      Value gate = graph.activate(Activation.SILU, sites.linear(name + "mlp.gate_proj", inner, config.intermediateSize(), config.mlpBias()));
      Value up = sites.linear(name + "mlp.up_proj", inner, config.intermediateSize(), config.mlpBias());
      return graph.add(sites.blockOutput(name + "mlp.down_proj", graph.multiply(gate, up), config.hiddenSize(), config.mlpBias()), y);
    });
  }

  @Override
  public String stored(String parameter) {
    return config.stored(parameter);
  }

  @Override
  public Map<String, String> shared() {
    Map<String, String> shared = new LinkedHashMap<>();
    for (ModuleInfo module : modules()) {
      for (String parameter : List.of(module.name() + ".weight", module.name() + ".bias")) {
        if (module.out() > 0 && (module.bias() || !parameter.endsWith(".bias")) && !config.shared(parameter).equals(parameter)) {
          shared.put(parameter, config.shared(parameter));
        }
      }
    }
    return shared;
  }

  @Override
  public List<ModuleInfo> modules() {
    List<ModuleInfo> list = new ArrayList<>();
    int hidden = config.hiddenSize();
    int q = config.heads() * config.headDim();
    int kv = config.kvHeads() * config.headDim();
    list.add(ModuleInfo.other("model", Kind.CONTAINER));
    list.add(ModuleInfo.embedding("model.embed_tokens", config.vocabSize(), hidden));
    for (int i = 0; i < config.layers(); i++) {
      String name = "model.layers." + i + ".";
      list.add(ModuleInfo.other(name + "self_attn", Kind.CONTAINER));
      list.add(ModuleInfo.linear(name + "self_attn.q_proj", hidden, q, config.attentionBias()));
      list.add(ModuleInfo.linear(name + "self_attn.k_proj", hidden, kv, config.attentionBias()));
      list.add(ModuleInfo.linear(name + "self_attn.v_proj", hidden, kv, config.attentionBias()));
      list.add(ModuleInfo.linear(name + "self_attn.o_proj", q, hidden, config.outputBias()));
      list.add(ModuleInfo.other(name + "mlp", Kind.CONTAINER));
      list.add(ModuleInfo.linear(name + "mlp.gate_proj", hidden, config.intermediateSize(), config.mlpBias()));
      list.add(ModuleInfo.linear(name + "mlp.up_proj", hidden, config.intermediateSize(), config.mlpBias()));
      list.add(ModuleInfo.linear(name + "mlp.down_proj", config.intermediateSize(), hidden, config.mlpBias()));
      list.add(ModuleInfo.other(name + "mlp.act_fn", Kind.ACTIVATION));
      list.add(ModuleInfo.rmsNorm(name + "input_layernorm", hidden));
      list.add(ModuleInfo.rmsNorm(name + "post_attention_layernorm", hidden));
    }
    list.add(ModuleInfo.rmsNorm("model.norm", hidden));
    return List.copyOf(list);
  }
}
