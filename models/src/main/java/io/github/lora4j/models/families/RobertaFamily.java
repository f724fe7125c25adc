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

/** RoBERTa (Liu et al. 2019): a BERT whose positions start behind the padding's id, and whose classifier holds its own pooler. */
public final class RobertaFamily implements ModelFamily {

  private static final FamilyFacts FACTS = new FamilyFacts("roberta.", Map.of(Head.None.class, "RobertaModel",
      Head.SequenceClassification.class, "RobertaForSequenceClassification", Head.TokenClassification.class, "RobertaForTokenClassification",
      Head.QuestionAnswering.class, "RobertaForQuestionAnswering"),
      new FamilyFacts.AdapterPlaces(List.of("query", "value"), List.of("query", "key", "value", "dense"), List.of("key", "value", "output.dense"),
          List.of("output.dense"), List.of("attention.output.dense", "output.dense")), BertFamily.FILES);

  @Override
  public Set<String> modelTypes() {
    return Set.of("roberta");
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Roberta(config);
  }

  private static final class Roberta extends BertFamily.Bert {

    Roberta(ModelConfig config) {
      super(config, FACTS, config.whole("pad_token_id", 1) + 1);
    }

    @Override
    Value sequence(Sites sites, Head.SequenceClassification head, Value rows) {
      Value pooled = sites.graph().activate(Activation.TANH, sites.linear("classifier.dense", rows, hiddenSize(), true));
      sites.module("classifier.dropout", Kind.DROPOUT);
      return sites.linear("classifier.out_proj", pooled, head.labels(), true);
    }
  }
}
