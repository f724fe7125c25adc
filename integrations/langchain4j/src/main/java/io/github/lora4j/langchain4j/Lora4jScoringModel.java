package io.github.lora4j.langchain4j;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.scoring.ScoringModel;
import io.github.lora4j.LanguageModel;
import io.github.lora4j.LocalModel;
import java.util.List;
import java.util.Objects;

/**
 * How well texts belong to a query: the value of an adapter that was trained for regression or reward on pairs of query and text, or the cosine of
 * vectors. For any thread.
 */
public final class Lora4jScoringModel implements ScoringModel {

  private final LanguageModel voice;

  private Lora4jScoringModel(LanguageModel voice) {
    this.voice = Objects.requireNonNull(voice, "model");
  }

  /** Of a model as it was opened. */
  public static Lora4jScoringModel of(LocalModel model) {
    return new Lora4jScoringModel(model);
  }

  /**
   * Of a model with one of its adapters.
   *
   * @throws io.github.lora4j.vector.ConfigException when there is no such adapter
   */
  public static Lora4jScoringModel of(LocalModel model, String adapter) {
    return new Lora4jScoringModel(model.with(adapter));
  }

  @Override
  public Response<List<Double>> scoreAll(List<TextSegment> segments, String query) {
    return Response.from(voice.scoreAll(query, segments.stream().map(TextSegment::text).toList()));
  }
}
