package io.github.lora4j.models.families;

import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** DeBERTa (He et al. 2021), and its versions 2 and 3, which have one {@code model_type} between them. */
public final class DebertaFamily implements ModelFamily {

  private static final FamilyFacts FIRST = facts("Deberta", new FamilyFacts.AdapterPlaces(List.of("in_proj"), List.of("in_proj"),
      List.of("in_proj", "output.dense"), List.of("output.dense"), List.of("attention.output.dense", "output.dense")));
  private static final FamilyFacts SECOND = facts("DebertaV2", new FamilyFacts.AdapterPlaces(List.of("query_proj", "value_proj"),
      List.of("query_proj", "key_proj", "value_proj", "dense"), List.of("key_proj", "value_proj", "output.dense"), List.of("output.dense"),
      List.of("attention.output.dense", "output.dense")));

  private static FamilyFacts facts(String name, FamilyFacts.AdapterPlaces adapters) {
    return new FamilyFacts("deberta.", Map.of(Head.None.class, name + "Model", Head.SequenceClassification.class,
        name + "ForSequenceClassification", Head.TokenClassification.class, name + "ForTokenClassification", Head.QuestionAnswering.class,
        name + "ForQuestionAnswering", Head.LanguageModel.class, name + "ForMaskedLM"), adapters,
        new FamilyFacts.FileNames(BertFamily.FILES.alternatives(), "encoder.layer.", "num_hidden_layers", Map.of(), List.of()));
  }

  @Override
  public Set<String> modelTypes() {
    return Set.of("deberta", "deberta-v2");
  }

  @Override
  public Architecture of(ModelConfig config) {
    return config.modelType().equals("deberta") ? new DebertaFirst(config, FIRST) : new DebertaSecond(config, SECOND);
  }
}
