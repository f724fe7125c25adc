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
import java.util.List;
import java.util.Map;
import java.util.Set;

/** ModernBERT (Warner et al. 2024): pre-norm, gated, with rotary positions, and layers that see a window of neighbours between those that see all. */
public final class ModernBertFamily implements ModelFamily {

  // PEFT's tables have no places here.
  private static final FamilyFacts FACTS = new FamilyFacts("model.", Map.of(Head.None.class, "ModernBertModel", Head.SequenceClassification.class,
      "ModernBertForSequenceClassification", Head.TokenClassification.class, "ModernBertForTokenClassification", Head.QuestionAnswering.class,
      "ModernBertForQuestionAnswering", Head.LanguageModel.class, "ModernBertForMaskedLM"), new FamilyFacts.AdapterPlaces(List.of(), List.of(),
          List.of(), List.of(), List.of("attn.Wo", "mlp.Wo")),
      new FamilyFacts.FileNames(Map.of(), "layers.", "num_hidden_layers", Map.of(), List.of()));

  @Override
  public Set<String> modelTypes() {
    return Set.of("modernbert");
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new ModernBert(config);
  }

  private static final class ModernBert implements Architecture {
    private static final String LOCAL = "sliding_attention";

    private final ModelConfig config;
    private final int hidden;
    private final int layers;
    private final int heads;
    private final int headSize;
    private final int inner;
    private final Activation activation;
    private final double eps;
    private final List<Integer> windows;
    private final Rope global;
    private final Rope local;
    private final Rows pooled;

    ModernBert(ModelConfig config) {
      this.config = config;
      hidden = config.size("hidden_size");
      layers = config.size("num_hidden_layers");
      heads = config.size("num_attention_heads");
      headSize = config.headSize("hidden_size", "num_attention_heads");
      inner = config.size("intermediate_size");
      activation = config.activation("hidden_activation", "gelu");
      eps = config.positive("norm_eps", 1e-5);
      int apart = config.size("global_attn_every_n_layers", 3);
      // Half of local_attention to each side, and the token itself.
      int half = config.size("local_attention", 128) / 2;
      windows = Windows.byType(config.with("sliding_window", half + 1), layers, i -> i % apart != 0);
      ModelConfig parameters = RopeScaling.parameters(config);
      global = Rope.of(Rope.TABLE, config, rope(parameters, "full_attention", "global_rope_theta", 160_000), headSize);
      local = Rope.of(Rope.TABLE + ".local", config, rope(parameters, LOCAL, "local_rope_theta", 10_000), headSize);
      String pooling = config.text("classifier_pooling", "cls");
      pooled = switch (pooling) {
        case "cls" -> Rows.FIRST;
        case "mean" -> Rows.MEAN;
        default -> throw config.error("classifier_pooling \"%s\" is not supported; cls and mean are".formatted(pooling));
      };
    }

    /** Rotary positions of a type of layers: in an object of their own, or by a base in the file. */
    private ModelConfig rope(ModelConfig parameters, String type, String key, double theta) {
      ModelConfig own = parameters.object(type).orElse(parameters);
      return own.has("rope_theta") ? own : own.with("rope_theta", config.positive(key, theta));
    }

    @Override
    public Value hidden(Sites sites, PackedInputs in, Rows rows) {
      Graph graph = sites.graph();
      Sites embeddings = sites.within("embeddings.");
      Value x = graph.region("embeddings", () -> {
        Value normed = norm(embeddings, "norm", embeddings.embedding("tok_embeddings", in.ids(), vocabSize(), hidden));
        embeddings.module("drop", Kind.DROPOUT);
        return normed;
      });
      Rows last = rows == Rows.MEAN ? Rows.ALL : rows;
      for (int i = 0; i < layers; i++) {
        int index = i;
        Value before = x;
        Rows wanted = i == layers - 1 ? last : Rows.ALL;
        x = graph.region("layer." + i, () -> layer(sites.within("layers." + index + "."), in, index, before, wanted));
      }
      Value end = x;
      return graph.region("norm", () -> {
        Value normed = norm(sites, "final_norm", end);
        return rows == Rows.MEAN ? graph.rangeMean(normed, in.ranges()) : normed;
      });
    }

    private Value layer(Sites sites, PackedInputs in, int index, Value x, Rows wanted) {
      Graph graph = sites.graph();
      // The first layer reads what is normed already.
      Value read = index == 0 ? x : norm(sites, "attn_norm", x);
      if (index == 0) {
        sites.module("attn_norm", Kind.CONTAINER);
      }
      Value y = graph.add(attention(sites, in, index, read, wanted), in.choose(graph, wanted, x));
      Value normed = norm(sites, "mlp_norm", y);
      Sites mlp = sites.within("mlp.");
      boolean bias = config.flag("mlp_bias", false);
      List<Value> parts = graph.split(mlp.linear("Wi", normed, 2 * inner, bias), 2);
      mlp.module("act", Kind.ACTIVATION);
      mlp.module("drop", Kind.DROPOUT);
      Value gated = graph.multiply(graph.activate(activation, parts.getFirst()), parts.get(1));
      return graph.add(mlp.blockOutput("Wo", gated, hidden, bias), y);
    }

    private Value attention(Sites layer, PackedInputs in, int index, Value x, Rows wanted) {
      Graph graph = layer.graph();
      Sites sites = layer.within("attn.");
      boolean bias = config.flag("attention_bias", false);
      List<Value> qkv = graph.split(sites.linear("Wqkv", x, 3 * hidden, bias), 3);
      int window = windows.get(index);
      Rope rope = window > 0 ? local : global;
      Value q = rope.turn(sites, in, wanted, in.choose(graph, wanted, qkv.getFirst()), heads);
      Value k = rope.turn(sites, in, Rows.ALL, qkv.get(1), heads);
      AttentionSpec spec = new AttentionSpec(heads, heads, headSize, (float) (1 / Math.sqrt(headSize)), false, window, 0);
      Value y = sites.blockOutput("Wo", layer.attention("attn", spec, q, k, qkv.get(2), in.segments(wanted), in.maxLength()), hidden, bias);
      sites.module("out_drop", config.positiveOrZero("attention_dropout", 0) > 0 ? Kind.DROPOUT : Kind.CONTAINER);
      return y;
    }

    private Value norm(Sites sites, String module, Value x) {
      return config.flag("norm_bias", false) ? sites.layerNorm(module, x, eps) : sites.layerNormOfWeight(module, x, eps);
    }

    @Override
    public Value logits(Sites sites, Head head, Value rows) {
      return switch (head) {
        case Head.None none -> rows;
        case Head.SequenceClassification of -> classified(sites, rows, of.labels());
        case Head.TokenClassification of -> classified(sites, rows, of.labels());
        case Head.QuestionAnswering of -> classified(sites, rows, 2);
        case Head.LanguageModel of -> {
          boolean tied = config.flag("tie_word_embeddings", true);
          yield sites.linear("decoder", tied ? "model.embeddings.tok_embeddings.weight" : "decoder.weight", predicted(sites, rows), vocabSize(),
              config.flag("decoder_bias", true));
        }
      };
    }

    private Value classified(Sites sites, Value rows, int labels) {
      Value predicted = predicted(sites, rows);
      sites.module("drop", Kind.DROPOUT);
      return sites.linear("classifier", predicted, labels, true);
    }

    /** norm(act(dense(hidden))). */
    private Value predicted(Sites sites, Value rows) {
      Value dense = sites.linear("head.dense", rows, hidden, config.flag("classifier_bias", false));
      Value active = sites.graph().activate(config.activation("classifier_activation", "gelu"), dense);
      sites.module("head.act", Kind.ACTIVATION);
      return norm(sites, "head.norm", active);
    }

    @Override
    public Rows rowsOf(Head head) {
      return head instanceof Head.SequenceClassification ? pooled : Rows.ALL;
    }

    @Override
    public ModelConfig config() {
      return config;
    }

    @Override
    public FamilyFacts facts() {
      return FACTS;
    }
  }
}
