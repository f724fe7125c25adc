package io.github.lora4j.langchain4j;

import java.util.function.Supplier;

/** Makes the builders of {@link Lora4jChatModel#builder}; found as a service. */
public interface Lora4jChatModelBuilderFactory extends Supplier<Lora4jChatModel.Builder> {}
