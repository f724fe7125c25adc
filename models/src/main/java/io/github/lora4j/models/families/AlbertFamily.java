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

/** ALBERT (Lan et al. 2020): a BERT with narrow embeddings, all of whose layers share the weights of one, or of a few groups. */
public final class AlbertFamily implements ModelFamily {

  // PEFT's tables have no places here.
  private static final FamilyFacts FACTS = new FamilyFacts("albert.", Map.of(Head.None.class, "AlbertModel", Head.SequenceClassification.class,
      "AlbertForSequenceClassification", Head.TokenClassification.class, "AlbertForTokenClassification", Head.QuestionAnswering.class,
      "AlbertForQuestionAnswering", Head.LanguageModel.class, "AlbertForMaskedLM"), new FamilyFacts.AdapterPlaces(List.of(), List.of(), List.of(),
          List.of(), List.of("attention.dense", "ffn_output")),
      new FamilyFacts.FileNames(BertFamily.FILES.alternatives(), "", "", Map.of(), List.of()));

  @Override
  public Set<String> modelTypes() {
    return Set.of("albert");
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Albert(config);
  }

  private static final class Albert extends BertFamily.Bert {
    private final int width;
    private final int layers;
    private final int groups;
    private final int inGroup;
    private final int heads;
    private final Activation activation;
    private final double eps;

    Albert(ModelConfig config) {
      super(config, FACTS, 0);
      width = config.size("embedding_size", 128);
      layers = config.size("num_hidden_layers");
      groups = config.size("num_hidden_groups", 1);
      inGroup = config.size("inner_group_num", 1);
      heads = config.size("num_attention_heads");
      activation = config.activation("hidden_act", "gelu_new");
      eps = config.positive("layer_norm_eps", 1e-12);
      if (groups > layers) {
        throw config.error("num_hidden_groups %d is more than num_hidden_layers %d".formatted(groups, layers));
      }
    }

    @Override
    public Value hidden(Sites sites, PackedInputs in, Rows rows) {
      Graph graph = sites.graph();
      Sites encoder = sites.within("encoder.");
      Value x = graph.region("embeddings", () -> encoder.linear("embedding_hidden_mapping_in",
          embeddings(sites.within("embeddings."), in, width), hiddenSize(), true));
      for (int i = 0; i < layers; i++) {
        int group = (int) (i / ((double) layers / groups));
        for (int j = 0; j < inGroup; j++) {
          Value before = x;
          Sites layer = encoder.within("albert_layer_groups.%d.albert_layers.%d.".formatted(group, j));
          Rows wanted = i == layers - 1 && j == inGroup - 1 ? rows : Rows.ALL;
          x = graph.region("layer." + (i * inGroup + j), () -> layer(layer, in, before, wanted));
        }
      }
      return x;
    }

    private Value layer(Sites sites, PackedInputs in, Value x, Rows wanted) {
      Graph graph = sites.graph();
      int hidden = hiddenSize();
      sites.order("full_layer_layer_norm");
      Value rows = in.choose(graph, wanted, x);
      sites.module("attention.attention_dropout", Kind.DROPOUT);
      sites.module("attention.output_dropout", Kind.DROPOUT);
      Value q = sites.linear("attention.query", rows, hidden, true);
      Value k = sites.linear("attention.key", x, hidden, true);
      Value v = sites.linear("attention.value", x, hidden, true);
      AttentionSpec spec = new AttentionSpec(heads, heads, hidden / heads, (float) (1 / Math.sqrt(hidden / heads)), false);
      Value attended = sites.attention("attention", spec, q, k, v, in.segments(wanted), in.maxLength());
      Value y = graph.add(sites.blockOutput("attention.dense", attended, hidden, true), rows);
      y = sites.layerNorm("attention.LayerNorm", y, eps);
      Value up = graph.activate(activation, sites.linear("ffn", y, config().size("intermediate_size"), true));
      Value down = graph.add(sites.blockOutput("ffn_output", up, hidden, true), y);
      sites.module("activation", Kind.ACTIVATION);
      sites.module("dropout", Kind.DROPOUT);
      return sites.layerNorm("full_layer_layer_norm", down, eps);
    }

    @Override
    Value sequence(Sites sites, Head.SequenceClassification head, Value rows) {
      Value pooled = sites.graph().activate(Activation.TANH, sites.linear("albert.pooler", rows, hiddenSize(), true));
      sites.module("albert.pooler_activation", Kind.ACTIVATION);
      sites.module("dropout", Kind.DROPOUT);
      return sites.linear("classifier", pooled, head.labels(), true);
    }

    @Override
    Value words(Sites sites, Value rows) {
      Sites predictions = sites.within("predictions.");
      predictions.order("LayerNorm", "dense", "decoder", "activation");
      Value dense = sites.graph().activate(activation, predictions.linear("dense", rows, width, true));
      predictions.module("activation", Kind.ACTIVATION);
      Value normed = predictions.layerNorm("LayerNorm", dense, eps);
      boolean tied = config().flag("tie_word_embeddings", true);
      return sites.linear("predictions.decoder", tied ? "albert.embeddings.word_embeddings.weight" : "predictions.decoder.weight",
          "predictions.bias", normed, vocabSize());
    }
  }
}
