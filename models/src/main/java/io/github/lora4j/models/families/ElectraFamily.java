package io.github.lora4j.models.families;

import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.vector.Activation;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** ELECTRA (Clark et al. 2020), discriminator or generator: a BERT whose embeddings may be narrower than its layers. */
public final class ElectraFamily implements ModelFamily {

  // PEFT's tables have places for LoRA alone here.
  private static final FamilyFacts FACTS = new FamilyFacts("electra.", Map.of(Head.None.class, "ElectraModel", Head.SequenceClassification.class,
      "ElectraForSequenceClassification", Head.TokenClassification.class, "ElectraForTokenClassification", Head.QuestionAnswering.class,
      "ElectraForQuestionAnswering", Head.LanguageModel.class, "ElectraForMaskedLM"), new FamilyFacts.AdapterPlaces(List.of("query", "value"),
          List.of(), List.of(), List.of(), List.of("attention.output.dense", "output.dense")),
      new FamilyFacts.FileNames(BertFamily.FILES.alternatives(), "encoder.layer.", "num_hidden_layers", Map.of(), List.of()));

  @Override
  public Set<String> modelTypes() {
    return Set.of("electra");
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Electra(config);
  }

  private static final class Electra extends BertFamily.Bert {
    private final int width;

    Electra(ModelConfig config) {
      super(config, FACTS, 0);
      width = config.size("embedding_size", 128);
    }

    @Override
    Value embedded(Sites sites, PackedInputs in) {
      Value x = embeddings(sites.within("embeddings."), in, width);
      return width == hiddenSize() ? x : sites.linear("embeddings_project", x, hiddenSize(), true);
    }

    @Override
    Value sequence(Sites sites, Head.SequenceClassification head, Value rows) {
      // GELU whatever hidden_act says.
      Value pooled = sites.graph().activate(Activation.GELU, sites.linear("classifier.dense", rows, hiddenSize(), true));
      sites.module("classifier.activation", Kind.ACTIVATION);
      sites.module("classifier.dropout", Kind.DROPOUT);
      return sites.linear("classifier.out_proj", pooled, head.labels(), true);
    }

    @Override
    Value words(Sites sites, Value rows) {
      Sites predictions = sites.within("generator_predictions.");
      predictions.order("activation", "LayerNorm", "dense");
      Value dense = sites.graph().activate(Activation.GELU, predictions.linear("dense", rows, width, true));
      predictions.module("activation", Kind.ACTIVATION);
      Value normed = predictions.layerNorm("LayerNorm", dense, config().positive("layer_norm_eps", 1e-12));
      boolean tied = config().flag("tie_word_embeddings", true);
      return sites.linear("generator_lm_head", tied ? "electra.embeddings.word_embeddings.weight" : "generator_lm_head.weight",
          "generator_lm_head.bias", normed, vocabSize());
    }
  }
}
