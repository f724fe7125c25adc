package io.github.lora4j.models.gpt2;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Decoder;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.vector.AttentionSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * GPT-2 (Radford et al. 2019), as Hugging Face's {@code GPT2Model} names it: pre-norm with layer norms, learned positions, queries, keys and
 * values of one module. Its linear modules are {@code Conv1D}s: files hold their weights as [in, out], programs as [out, in].
 */
public record Gpt2Model(Gpt2Config config) implements Decoder {

  private static final String PREFIX = "transformer.";

  @Override
  public String modelType() {
    return "gpt2";
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
    return PREFIX + "wte.weight";
  }

  @Override
  public Value allRows(Sites sites, PackedInputs in) {
    return run(sites, in, false);
  }

  /** The last layer computes queries, feed-forward and norms for those rows alone. */
  @Override
  public Value lastRows(Sites sites, PackedInputs in) {
    return run(sites, in, true);
  }

  private Value run(Sites sites, PackedInputs in, boolean lastOnly) {
    Value x = sites.graph().region("embeddings", () -> {
      Value tokens = sites.embedding(PREFIX + "wte", in.ids(), config.vocabSize(), config.hiddenSize(), Optional.empty());
      return sites.embedding(PREFIX + "wpe", in.positions(), config.maxPositions(), config.hiddenSize(), Optional.of(tokens));
    });
    for (int i = 0; i < config.layers(); i++) {
      x = layer(sites, in, i, x, lastOnly && i == config.layers() - 1);
    }
    Value last = x;
    return sites.graph().region("norm", () -> sites.layerNorm(PREFIX + "ln_f", last, config.layerNormEps()));
  }

  private Value layer(Sites sites, PackedInputs in, int index, Value x, boolean lastOnly) {
    return sites.graph().region("layer." + index, () -> {
      Graph graph = sites.graph();
      String name = PREFIX + "h." + index + ".";
      int hidden = config.hiddenSize();
      int headDim = hidden / config.heads();
      Value normed = sites.layerNorm(name + "ln_1", x, config.layerNormEps());
      List<Value> qkv = graph.split(sites.linear(name + "attn.c_attn", normed, 3 * hidden, true), 3);
      Value rows = lastOnly ? last(graph, in, x) : x;
      Value q = lastOnly ? last(graph, in, qkv.getFirst()) : qkv.getFirst();
      AttentionSpec spec = new AttentionSpec(config.heads(), config.heads(), headDim, (float) config.attentionScale(index), true);
      Value attended = graph.attention(spec, q, qkv.get(1), qkv.get(2), lastOnly ? in.lastSegments() : in.segments(), in.maxLength());
      Value y = graph.add(sites.blockOutput(name + "attn.c_proj", attended, hidden, true), rows);
      Value inner = sites.layerNorm(name + "ln_2", y, config.layerNormEps());
      Value up = graph.activate(config.activation(), sites.linear(name + "mlp.c_fc", inner, config.intermediateSize(), true));
      return graph.add(sites.blockOutput(name + "mlp.c_proj", up, hidden, true), y);
    });
  }

  private static Value last(Graph graph, PackedInputs in, Value x) {
    return graph.gather(x, in.last(), Optional.of(in.lastInverse()), Optional.empty());
  }

  @Override
  public List<ModuleInfo> modules() {
    List<ModuleInfo> list = new ArrayList<>();
    int hidden = config.hiddenSize();
    list.add(ModuleInfo.other("transformer", Kind.CONTAINER));
    list.add(ModuleInfo.embedding(PREFIX + "wte", config.vocabSize(), hidden));
    list.add(ModuleInfo.embedding(PREFIX + "wpe", config.maxPositions(), hidden));
    list.add(ModuleInfo.other(PREFIX + "drop", Kind.DROPOUT));
    for (int i = 0; i < config.layers(); i++) {
      String name = PREFIX + "h." + i + ".";
      list.add(ModuleInfo.layerNorm(name + "ln_1", hidden));
      list.add(ModuleInfo.other(name + "attn", Kind.CONTAINER));
      list.add(ModuleInfo.conv1d(name + "attn.c_attn", hidden, 3 * hidden));
      list.add(ModuleInfo.conv1d(name + "attn.c_proj", hidden, hidden));
      list.add(ModuleInfo.other(name + "attn.attn_dropout", Kind.DROPOUT));
      list.add(ModuleInfo.other(name + "attn.resid_dropout", Kind.DROPOUT));
      list.add(ModuleInfo.layerNorm(name + "ln_2", hidden));
      list.add(ModuleInfo.other(name + "mlp", Kind.CONTAINER));
      list.add(ModuleInfo.conv1d(name + "mlp.c_fc", hidden, config.intermediateSize()));
      list.add(ModuleInfo.conv1d(name + "mlp.c_proj", config.intermediateSize(), hidden));
      list.add(ModuleInfo.other(name + "mlp.act", Kind.ACTIVATION));
      list.add(ModuleInfo.other(name + "mlp.dropout", Kind.DROPOUT));
    }
    list.add(ModuleInfo.layerNorm(PREFIX + "ln_f", hidden));
    return List.copyOf(list);
  }
}
