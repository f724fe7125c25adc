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
import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/** BART (Lewis et al. 2020): an encoder and a decoder of post-norm layers with learned positions. */
public final class BartFamily implements ModelFamily {

  /** Positions before that of the first token. */
  private static final int OFFSET = 2;
  private static final double EPS = 1e-5;

  private static final FamilyFacts FACTS = new FamilyFacts("model.", Map.of(Head.None.class, "BartModel", Head.LanguageModel.class,
      "BartForConditionalGeneration"), new FamilyFacts.AdapterPlaces(List.of("q_proj", "v_proj"), List.of("q_proj", "k_proj", "v_proj", "out_proj",
          "fc1", "fc2"), List.of("q_proj", "v_proj", "fc2"), List.of("fc2"), List.of("self_attn.out_proj", "fc2")), FamilyFacts.FileNames.PLAIN);

  @Override
  public Set<String> modelTypes() {
    return Set.of("bart");
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Bart(config);
  }

  private static final class Bart implements Architecture {
    private final ModelConfig config;
    private final int hidden;
    private final Activation activation;

    Bart(ModelConfig config) {
      this.config = config;
      hidden = config.size("d_model");
      activation = config.activation("activation_function", "gelu");
      config.headSize("d_model", "encoder_attention_heads");
      config.headSize("d_model", "decoder_attention_heads");
    }

    @Override
    public Value hidden(Sites sites, PackedInputs in, Rows rows) {
      Graph graph = sites.graph();
      PackedInputs.Source source = in.source();
      Sites encoder = sites.within("encoder.");
      Value memory = embedded(sites, encoder, source.ids(), source.positions());
      for (int i = 0; i < config.size("encoder_layers"); i++) {
        Value x = memory;
        Sites layer = encoder.within("layers." + i + ".");
        memory = graph.region("layer.encoder." + i, () -> {
          layer.order("self_attn", "self_attn_layer_norm", "activation_fn");
          Value attended = attention(layer, "self_attn", List.of(x, x), "encoder_attention_heads", source.segments(), in, false);
          Value y = layer.layerNorm("self_attn_layer_norm", graph.add(attended, x), EPS);
          layer.module("activation_fn", Kind.ACTIVATION);
          return feedForward(layer, y, "encoder_ffn_dim");
        });
      }
      return decoded(sites, in, rows, memory);
    }

    private Value decoded(Sites sites, PackedInputs in, Rows rows, Value memory) {
      Graph graph = sites.graph();
      Sites decoder = sites.within("decoder.");
      Value x = embedded(sites, decoder, in.ids(), in.positions(Rows.ALL));
      int layers = config.size("decoder_layers");
      for (int i = 0; i < layers; i++) {
        Value before = x;
        Sites layer = decoder.within("layers." + i + ".");
        Rows wanted = i == layers - 1 ? rows : Rows.ALL;
        x = graph.region("layer.decoder." + i, () -> {
          layer.order("self_attn", "activation_fn", "self_attn_layer_norm");
          layer.module("activation_fn", Kind.ACTIVATION);
          Value own = in.choose(graph, wanted, before);
          Value attended = attention(layer, "self_attn", List.of(own, before), "decoder_attention_heads", in.segments(wanted), in, true);
          Value y = layer.layerNorm("self_attn_layer_norm", graph.add(attended, own), EPS);
          Value crossed = attention(layer, "encoder_attn", List.of(y, memory), "decoder_attention_heads", in.source().cross(wanted), in, false);
          return feedForward(layer, layer.layerNorm("encoder_attn_layer_norm", graph.add(crossed, y), EPS), "decoder_ffn_dim");
        });
      }
      return x;
    }

    private Value embedded(Sites sites, Sites stack, Value ids, Value positions) {
      Graph graph = sites.graph();
      return graph.region("embeddings", () -> {
        Value words = sites.embedding("shared", ids, vocabSize(), hidden);
        Value scaled = config.flag("scale_embedding", false) ? graph.scale(words, Math.sqrt(hidden)) : words;
        stack.order("embed_positions", "layers");
        Value placed = stack.embedding("embed_positions", positions, maxPositions() + OFFSET, hidden, scaled);
        return stack.layerNorm("layernorm_embedding", placed, EPS);
      });
    }

    /** Attention of the first rows to the second. */
    private Value attention(Sites layer, String module, List<Value> rows, String headsKey, Value segments, PackedInputs in, boolean causal) {
      Sites sites = layer.within(module + ".");
      sites.order("k_proj", "v_proj", "q_proj", "out_proj");
      int heads = config.size(headsKey);
      Value q = sites.linear("q_proj", rows.getFirst(), hidden, true);
      Value k = sites.linear("k_proj", rows.get(1), hidden, true);
      Value v = sites.linear("v_proj", rows.get(1), hidden, true);
      AttentionSpec spec = new AttentionSpec(heads, heads, hidden / heads, (float) (1 / Math.sqrt(hidden / heads)), causal);
      return sites.blockOutput("out_proj", layer.attention(module, spec, q, k, v, segments, in.maxLength()), hidden, true);
    }

    private Value feedForward(Sites layer, Value x, String innerKey) {
      Value up = layer.graph().activate(activation, layer.linear("fc1", x, config.size(innerKey), true));
      return layer.layerNorm("final_layer_norm", layer.graph().add(layer.blockOutput("fc2", up, hidden, true), x), EPS);
    }

    @Override
    public Value logits(Sites sites, Head head, Value rows) {
      return switch (head) {
        case Head.None none -> rows;
        case Head.LanguageModel of -> sites.linear("lm_head", config.flag("tie_word_embeddings", true) ? "model.shared.weight" : "lm_head.weight",
            "final_logits_bias", rows, vocabSize());
        case Head.SequenceClassification of -> throw none(head);
        case Head.TokenClassification of -> throw none(head);
        case Head.QuestionAnswering of -> throw none(head);
      };
    }

    private static ConfigException none(Head head) {
      return new ConfigException("model_type \"bart\" has no " + head.getClass().getSimpleName());
    }

    @Override
    public Rows rowsOf(Head head) {
      return Decoders.rowsOf(head);
    }

    @Override
    public boolean readsSource() {
      return true;
    }

    /** Hugging Face's default, which files may leave out. */
    @Override
    public OptionalInt decoderStart() {
      return OptionalInt.of(config.whole("decoder_start_token_id", 2));
    }

    @Override
    public ModelConfig config() {
      return config;
    }

    @Override
    public FamilyFacts facts() {
      return FACTS;
    }

    @Override
    public int hiddenSize() {
      return hidden;
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
