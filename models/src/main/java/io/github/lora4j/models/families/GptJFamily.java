package io.github.lora4j.models.families;

import io.github.lora4j.graph.Graph;
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
import java.util.List;
import java.util.Map;
import java.util.Set;

/** GPT-J (Wang and Komatsuzaki 2021): one norm for attention and feed-forward side by side, neighbours of a part of each head turn. */
public final class GptJFamily implements ModelFamily {

  private static final FamilyFacts FACTS = new FamilyFacts("transformer.", Map.of(Head.None.class, "GPTJModel", Head.LanguageModel.class,
      "GPTJForCausalLM", Head.SequenceClassification.class, "GPTJForSequenceClassification"),
      new FamilyFacts.AdapterPlaces(List.of("q_proj", "v_proj"), List.of("q_proj", "v_proj"), List.of("q_proj", "v_proj", "fc_out"),
          List.of("fc_out"), List.of("attn.out_proj", "mlp.fc_out")),
      new FamilyFacts.FileNames(Map.of(), "h.", "n_layer", Map.of(), List.of()));

  @Override
  public Set<String> modelTypes() {
    return Set.of("gptj");
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new GptJ(config);
  }

  private static final class GptJ extends Decoder {
    private final int headSize;
    private final Activation activation;
    private final double eps;
    private final Rope rope;

    GptJ(ModelConfig config) {
      super(config, FACTS, "n_embd", "n_head");
      headSize = config.headSize("n_embd", "n_head");
      activation = config.activation("activation_function", "gelu_new");
      eps = config.positive("layer_norm_epsilon", 1e-5);
      int columns = config.size("rotary_dim");
      if (columns % 2 != 0 || columns > headSize) {
        throw config.error("rotary_dim %d must be even, and at most the size of heads, %d".formatted(columns, headSize));
      }
      rope = new Rope(Rope.TABLE, columns, true, RopeScaling.of(config, RopeScaling.parameters(config), columns));
    }

    @Override
    public Value hidden(Sites sites, PackedInputs in, Rows rows) {
      Graph graph = sites.graph();
      Value x = graph.region("embeddings", () -> sites.embedding("wte", in.ids(), vocabSize(), hidden));
      sites.module("drop", Kind.DROPOUT);
      Value last = stacked(sites, in, x, rows);
      return graph.region("norm", () -> sites.layerNorm("ln_f", last, eps));
    }

    @Override
    Value layer(Sites sites, PackedInputs in, int index, Value x, Rows wanted) {
      Graph graph = sites.graph();
      Value normed = sites.layerNorm("ln_1", x, eps);
      Value rows = in.choose(graph, wanted, x);
      Value own = in.choose(graph, wanted, normed);
      Sites attention = sites.within("attn.");
      attention.module("attn_dropout", Kind.DROPOUT);
      attention.module("resid_dropout", Kind.DROPOUT);
      attention.order("attn_dropout", "resid_dropout", "k_proj", "v_proj", "q_proj");
      Value q = rope.turn(sites, in, wanted, attention.linear("q_proj", own, hidden, false), heads);
      Value k = rope.turn(sites, in, Rows.ALL, attention.linear("k_proj", normed, hidden, false), heads);
      Value v = attention.linear("v_proj", normed, hidden, false);
      Value seen = sites.attention("attn", causal(headSize), q, k, v, in.segments(wanted), in.maxLength());
      Value attended = attention.blockOutput("out_proj", seen, hidden, false);
      Value fed = feedForward(sites, own, "mlp.fc_in", config.size("n_inner", 4 * hidden), activation, "mlp.fc_out", true);
      sites.module("mlp.act", Kind.ACTIVATION);
      sites.module("mlp.dropout", Kind.DROPOUT);
      return graph.add(graph.add(attended, fed), rows);
    }

    @Override
    public Value logits(Sites sites, Head head, Value rows) {
      return Decoders.biasedLogits(sites, this, head, rows,
          config.flag("tie_word_embeddings", false) ? "transformer.wte.weight" : "lm_head.weight");
    }

    @Override
    public int maxPositions() {
      return config.size("n_positions");
    }
  }
}
