package io.github.lora4j.langchain4j;

import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Parameters of a request beside langchain4j's own. The model's name chooses the adapter. */
public final class Lora4jChatRequestParameters extends DefaultChatRequestParameters {

  private final Map<String, Object> settings;

  private Lora4jChatRequestParameters(Builder builder) {
    super(builder);
    settings = Map.copyOf(builder.settings);
  }

  /** Settings by their names in transformers, such as {@code min_p} and {@code repetition_penalty}; {@code seed} and {@code chat_template_kwargs}. */
  public Map<String, Object> settings() {
    return settings;
  }

  @Override
  public ChatRequestParameters overrideWith(ChatRequestParameters that) {
    return builder().overrideWith(this).overrideWith(that).build();
  }

  @Override
  public ChatRequestParameters defaultedBy(ChatRequestParameters that) {
    return builder().overrideWith(that).overrideWith(this).build();
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Lora4jChatRequestParameters parameters && super.equals(other) && settings.equals(parameters.settings);
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), settings);
  }

  @Override
  public String toString() {
    return super.toString() + settings;
  }

  /** Builds parameters. */
  public static Builder builder() {
    return new Builder();
  }

  /** Builds parameters. */
  public static final class Builder extends DefaultChatRequestParameters.Builder<Builder> {

    private final Map<String, Object> settings = new LinkedHashMap<>();

    private Builder() {}

    /** Sets one more of {@link Lora4jChatRequestParameters#settings}. */
    public Builder setting(String name, Object value) {
      settings.put(name, value);
      return this;
    }

    /** The same answer each time it is asked for, where tokens are drawn. */
    public Builder seed(long seed) {
      return setting("seed", seed);
    }

    @Override
    public Builder overrideWith(ChatRequestParameters parameters) {
      super.overrideWith(parameters);
      if (parameters instanceof Lora4jChatRequestParameters own) {
        settings.putAll(own.settings);
      }
      return this;
    }

    @Override
    public Lora4jChatRequestParameters build() {
      return new Lora4jChatRequestParameters(this);
    }
  }
}
