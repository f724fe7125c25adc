package io.github.lora4j.langchain4j;

import dev.langchain4j.classification.ClassificationResult;
import dev.langchain4j.classification.ScoredLabel;
import dev.langchain4j.classification.TextClassifier;
import io.github.lora4j.Classification;
import io.github.lora4j.LanguageModel;
import io.github.lora4j.LocalModel;
import java.util.Comparator;
import java.util.Objects;

/**
 * The class of a text with its probability, or its several classes, the likeliest first, by an adapter that was trained for classification. For any
 * thread.
 */
public final class Lora4jTextClassifier implements TextClassifier<String> {

  private final LanguageModel voice;

  private Lora4jTextClassifier(LanguageModel voice) {
    this.voice = Objects.requireNonNull(voice, "model");
  }

  /** Of a run that was opened as a model. */
  public static Lora4jTextClassifier of(LocalModel model) {
    return new Lora4jTextClassifier(model);
  }

  /**
   * Of a model with one of its adapters.
   *
   * @throws io.github.lora4j.vector.ConfigException when there is no such adapter
   */
  public static Lora4jTextClassifier of(LocalModel model, String adapter) {
    return new Lora4jTextClassifier(model.with(adapter));
  }

  @Override
  public ClassificationResult<String> classifyWithScores(String text) {
    Classification classification = voice.classify(text);
    return new ClassificationResult<>(classification.labels().stream()
        .map(label -> new ScoredLabel<>(label, Objects.requireNonNull(classification.probabilities().get(label), label)))
        .sorted(Comparator.comparingDouble((ScoredLabel<String> label) -> -label.score())).toList());
  }
}
