package io.github.lora4j.langchain4j;

import java.util.function.Supplier;

/** Makes the builders of {@link Lora4jStreamingChatModel#builder}; found as a service. */
public interface Lora4jStreamingChatModelBuilderFactory extends Supplier<Lora4jStreamingChatModel.Builder> {}
