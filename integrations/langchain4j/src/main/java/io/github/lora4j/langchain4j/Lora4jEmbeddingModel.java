package io.github.lora4j.langchain4j;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.DimensionAwareEmbeddingModel;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.spi.ServiceHelper;
import io.github.lora4j.LanguageModel;
import io.github.lora4j.LocalModel;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Vectors of length 1 by a model on this machine, with one of its adapters or without. For any thread. */
public final class Lora4jEmbeddingModel extends DimensionAwareEmbeddingModel {

  private final LanguageModel voice;

  private Lora4jEmbeddingModel(LanguageModel voice) {
    this.voice = voice;
  }

  /** Builds one, by a framework's factory where there is one. */
  public static Builder builder() {
    for (Lora4jEmbeddingModelBuilderFactory factory : ServiceHelper.loadFactories(Lora4jEmbeddingModelBuilderFactory.class)) {
      return factory.get();
    }
    return new Builder();
  }

  @Override
  public Response<List<Embedding>> embedAll(List<TextSegment> segments) {
    return Response.from(voice.embedAll(segments.stream().map(TextSegment::text).toList()).stream()
        .map(Lora4jEmbeddingModel::embedding).toList());
  }

  private static Embedding embedding(List<Double> values) {
    float[] vector = new float[values.size()];
    for (int i = 0; i < vector.length; i++) {
      vector[i] = values.get(i).floatValue();
    }
    return Embedding.from(vector);
  }

  @Override
  public String modelName() {
    return voice.name();
  }

  /** Builds one. */
  public static final class Builder {

    private @Nullable LocalModel model;
    private @Nullable String adapter;

    /** Nothing is set; {@link Lora4jEmbeddingModel#builder} is for applications, this for factories. */
    public Builder() {}

    /** The model, which its owner closes, after this; required. */
    public Builder model(LocalModel shared) {
      model = shared;
      return this;
    }

    /** The adapter, or the model's own name; without it the model is asked as it was opened. */
    public Builder adapter(String name) {
      adapter = name;
      return this;
    }

    /**
     * The model.
     *
     * @throws io.github.lora4j.vector.ConfigException when there is no such adapter
     */
    public Lora4jEmbeddingModel build() {
      return new Lora4jEmbeddingModel(ChatCall.voice(Objects.requireNonNull(model, "model(...) is required"), adapter));
    }
  }
}
