package io.github.lora4j.langchain4j;

import java.util.function.Supplier;

/** Makes the builders of {@link Lora4jEmbeddingModel#builder}; found as a service. */
public interface Lora4jEmbeddingModelBuilderFactory extends Supplier<Lora4jEmbeddingModel.Builder> {}
