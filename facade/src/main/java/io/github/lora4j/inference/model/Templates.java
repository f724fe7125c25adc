package io.github.lora4j.inference.model;

import io.github.lora4j.tokenizer.chat.ChatTemplate;
import io.github.lora4j.tokenizer.chat.ChatTemplates;
import io.github.lora4j.train.data.ModelTexts;
import io.github.lora4j.train.language.Writing;
import io.github.lora4j.train.recipe.AdapterTask;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** How the base model and each adapter converse: by the template of the model, or of an adapter's training. For any thread. */
public final class Templates {

  private static final String PLAIN = "none";

  private final Path model;
  private final boolean source;
  private final ChatTemplates own;
  private final Map<String, Trained> trained = new ConcurrentHashMap<>();
  private final Map<String, ChatTemplate> read = new ConcurrentHashMap<>();

  private record Trained(String named, String hash) {}

  /** @param source whether the model makes a text from another */
  Templates(Path model, boolean source) {
    this.model = model;
    this.source = source;
    own = ChatTemplates.load(model);
  }

  /** Texts of special tokens by name, which templates print. */
  public Map<String, String> specialTokens() {
    return own.specialTokens();
  }

  /** An adapter is there, or another one under its name. */
  void put(String adapter, Path directory) {
    Optional<Trained> of = AdapterTask.read(directory).map(AdapterTask::settings).filter(settings -> settings.containsKey("template_hash"))
        .map(settings -> new Trained(String.valueOf(settings.getOrDefault("chat_template", "")), String.valueOf(settings.get("template_hash"))));
    if (of.isPresent()) {
      trained.put(adapter, of.get());
    } else {
      trained.remove(adapter);
    }
  }

  /**
   * The template for a conversation.
   *
   * @param adapter "" for the base model
   * @param tools whether it has tools
   * @throws ConfigException when the model has none, or the adapter was trained with another one, saying what to do
   */
  public ChatTemplate of(String adapter, boolean tools) {
    if (source) {
      throw new ConfigException("%s makes a text from another and holds no conversation; give it the text as a prompt (generate, /v1/completions)".formatted(
          model));
    }
    Trained how = adapter.isEmpty() ? null : trained.get(adapter);
    if (how != null && how.hash.equals(PLAIN)) {
      throw new ConfigException(("'%s' was trained on plain prompts and answers (chat_template: none), so it knows no turns; "
          + "continue a text instead (generate, /v1/completions)")
          .formatted(adapter));
    }
    if (how != null && !how.named.isEmpty() && !how.named.equals(PLAIN)) {
      return checked(adapter, how, read.computeIfAbsent(how.named, name -> ModelTexts.of(model).template(name, false)));
    }
    if (own.names().isEmpty()) {
      throw new ConfigException("the model has no chat template, so how it was trained to converse is not known; "
          + "continue a text instead (generate, /v1/completions)");
    }
    ChatTemplate chosen = read.computeIfAbsent(tools ? "\u0001tools" : "\u0001", key -> own.choose(tools));
    return how == null || tools ? chosen : checked(adapter, how, chosen);
  }

  private static ChatTemplate checked(String adapter, Trained how, ChatTemplate template) {
    if (!how.hash.equals(Writing.hash(template))) {
      throw new ConfigException("'%s' was trained with another chat template, of SHA-256 %s; the model's has %s".formatted(adapter, how.hash,
          Writing.hash(template)));
    }
    return template;
  }
}
