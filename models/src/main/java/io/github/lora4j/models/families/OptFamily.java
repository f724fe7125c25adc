package io.github.lora4j.models.families;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.LossOp;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.vector.Activation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** OPT (Zhang et al. 2022): learned positions from 2 on, norms before blocks or (the 350M model) behind them. */
public final class OptFamily implements ModelFamily {

  /** Positions before that of the first token. */
  private static final int OFFSET = 2;

  private static final FamilyFacts FACTS = new FamilyFacts("model.", Map.of(Head.None.class, "OPTModel", Head.LanguageModel.class,
      "OPTForCausalLM", Head.SequenceClassification.class, "OPTForSequenceClassification"),
      new FamilyFacts.AdapterPlaces(List.of("q_proj", "v_proj"), List.of("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"),
          List.of("q_proj", "k_proj", "fc2"), List.of("fc2"), List.of("self_attn.out_proj", "fc2")),
      new FamilyFacts.FileNames(Map.of(), "decoder.layers.", "num_hidden_layers", Map.of(), List.of()));

  @Override
  public Set<String> modelTypes() {
    return Set.of("opt");
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Opt(config);
  }

  private static final class Opt extends Decoder {
    private static final double EPS = 1e-5;
    private final int words;
    private final int headSize;
    private final boolean bias;
    private final boolean before;
    private final Activation activation;

    Opt(ModelConfig config) {
      super(config, FACTS, "hidden_size", "num_attention_heads");
      words = config.size("word_embed_proj_dim", hidden);
      headSize = config.headSize("hidden_size", "num_attention_heads");
      bias = config.flag("enable_bias", true);
      before = config.flag("do_layer_norm_before", true);
      activation = config.activation("activation_function", "relu");
      if (!config.flag("layer_norm_elementwise_affine", true)) {
        throw config.error("layer_norm_elementwise_affine false is not supported");
      }
    }

    @Override
    public Value hidden(Sites recording, PackedInputs in, Rows rows) {
      Sites sites = recording.within("decoder.");
      Graph graph = sites.graph();
      sites.order(order());
      Value x = graph.region("embeddings", () -> {
        Value embedded = sites.embedding("embed_tokens", in.ids(), vocabSize(), words);
        Value wide = words == hidden ? embedded : sites.linear("project_in", embedded, hidden, false);
        return sites.embedding("embed_positions", in.positions(Rows.ALL), maxPositions() + OFFSET, hidden, wide);
      });
      Value last = stacked(recording, in, x, rows);
      return graph.region("norm", () -> {
        Value normed = normedAtTheEnd() ? sites.layerNorm("final_layer_norm", last, EPS) : last;
        return words == hidden ? normed : sites.linear("project_out", normed, words, false);
      });
    }

    private boolean normedAtTheEnd() {
      return before && !config.flag("_remove_final_layer_norm", false);
    }

    private String[] order() {
      List<String> names = new ArrayList<>(List.of("embed_tokens", "embed_positions"));
      if (words != hidden) {
        names.addAll(List.of("project_out", "project_in"));
      }
      if (normedAtTheEnd()) {
        names.add("final_layer_norm");
      }
      return names.toArray(String[]::new);
    }

    @Override
    Value layer(Sites sites, PackedInputs in, int index, Value x, Rows wanted) {
      Graph graph = sites.graph();
      sites.order("self_attn", "activation_fn", "self_attn_layer_norm", "fc1", "fc2", "final_layer_norm");
      sites.module("activation_fn", Kind.ACTIVATION);
      Sites attention = sites.within("self_attn.");
      attention.order("k_proj", "v_proj", "q_proj", "out_proj");
      Value normed = before ? sites.layerNorm("self_attn_layer_norm", x, EPS) : x;
      Value rows = in.choose(graph, wanted, x);
      Value q = attention.linear("q_proj", in.choose(graph, wanted, normed), hidden, bias);
      Value k = attention.linear("k_proj", normed, hidden, bias);
      Value v = attention.linear("v_proj", normed, hidden, bias);
      Value attended = sites.attention("self_attn", causal(headSize), q, k, v, in.segments(wanted), in.maxLength());
      Value y = graph.add(attention.blockOutput("out_proj", attended, hidden, bias), rows);
      y = before ? y : sites.layerNorm("self_attn_layer_norm", y, EPS);
      Value again = before ? sites.layerNorm("final_layer_norm", y, EPS) : y;
      Value fed = graph.add(feedForward(sites, again, "fc1", config.size("ffn_dim"), activation, "fc2", bias), y);
      return before ? fed : sites.layerNorm("final_layer_norm", fed, EPS);
    }

    @Override
    public Optional<Output> output() {
      return Optional.of(Decoders.output(config.flag("tie_word_embeddings", true), "model.decoder.embed_tokens.weight", LossOp.Logits.PLAIN));
    }

    @Override
    public int hiddenSize() {
      return words;
    }

    @Override
    public int firstPosition() {
      return OFFSET;
    }

    @Override
    public double initializerRange() {
      return config.positive("init_std", 0.02);
    }
  }
}
