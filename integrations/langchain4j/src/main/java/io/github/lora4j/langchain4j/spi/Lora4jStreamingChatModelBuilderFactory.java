package io.github.lora4j.langchain4j.spi;

import io.github.lora4j.langchain4j.Lora4jStreamingChatModel;
import java.util.function.Supplier;

/** Makes the builders of {@link Lora4jStreamingChatModel#builder}; found as a service. */
public interface Lora4jStreamingChatModelBuilderFactory extends Supplier<Lora4jStreamingChatModel.Builder> {}
