package io.github.lora4j.models.families;

import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.vector.Activation;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * RoBERTa (Liu et al. 2019) and XLM-RoBERTa (Conneau et al. 2020): a BERT whose positions start behind the padding's id, and whose classifier
 * holds its own pooler.
 */
public final class RobertaFamily implements ModelFamily {

  private static final FamilyFacts ROBERTA = facts("Roberta", List.of("query", "key", "value", "dense"),
      List.of("key", "value", "output.dense"));
  // PEFT's tables have no places for AdaLoRA and (IA)³ here.
  private static final FamilyFacts XLM_ROBERTA = facts("XLMRoberta", List.of(), List.of());

  private static FamilyFacts facts(String name, List<String> adaLora, List<String> ia3) {
    return new FamilyFacts("roberta.", Map.of(Head.None.class, name + "Model", Head.SequenceClassification.class,
        name + "ForSequenceClassification", Head.TokenClassification.class, name + "ForTokenClassification", Head.QuestionAnswering.class,
        name + "ForQuestionAnswering", Head.LanguageModel.class, name + "ForMaskedLM"),
        new FamilyFacts.AdapterPlaces(List.of("query", "value"), adaLora, ia3, ia3.stream().filter("output.dense"::equals).toList(),
            List.of("attention.output.dense", "output.dense")), BertFamily.FILES);
  }

  @Override
  public Set<String> modelTypes() {
    return Set.of("roberta", "xlm-roberta");
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Roberta(config, config.modelType().equals("roberta") ? ROBERTA : XLM_ROBERTA);
  }

  private static final class Roberta extends BertFamily.Bert {

    Roberta(ModelConfig config, FamilyFacts facts) {
      super(config, facts, config.whole("pad_token_id", 1) + 1);
    }

    @Override
    Value sequence(Sites sites, Head.SequenceClassification head, Value rows) {
      Value pooled = sites.graph().activate(Activation.TANH, sites.linear("classifier.dense", rows, hiddenSize(), true));
      sites.module("classifier.dropout", Kind.DROPOUT);
      return sites.linear("classifier.out_proj", pooled, head.labels(), true);
    }

    @Override
    Value words(Sites sites, Value rows) {
      Value dense = sites.graph().activate(Activation.GELU, sites.linear("lm_head.dense", rows, hiddenSize(), true));
      Value normed = sites.layerNorm("lm_head.layer_norm", dense, config().positive("layer_norm_eps", 1e-12));
      boolean tied = config().flag("tie_word_embeddings", true);
      return sites.linear("lm_head.decoder", tied ? "roberta.embeddings.word_embeddings.weight" : "lm_head.decoder.weight",
          "lm_head.bias", normed, vocabSize());
    }
  }
}
