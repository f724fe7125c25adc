package io.github.lora4j.tokenizer.chat;

import io.github.lora4j.tokenizer.SettingsFiles;
import io.github.lora4j.tokenizer.internal.json.Inputs;
import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The chat templates of a model directory and its special tokens. A template is parsed when it is asked for, so that one outside the subset does not
 * keep the others from use.
 */
public final class ChatTemplates {

  /** The name of a template that is given without one. */
  public static final String DEFAULT = "default";

  private static final String TOOLS = "tool_use";

  private record Text(String source, String file) {}

  private final Path directory;
  private final Map<String, Text> templates;
  private final Map<String, String> specialTokens;

  private ChatTemplates(Path directory, Map<String, Text> templates, Map<String, String> specialTokens) {
    this.directory = directory;
    this.templates = templates;
    this.specialTokens = specialTokens;
  }

  /**
   * Reads {@code chat_template.jinja} with {@code additional_chat_templates/*.jinja}; where there is none of these, {@code chat_template.json}; where
   * that is not there either, {@code chat_template} in {@code tokenizer_config.json} (a text, or a list of named ones). Special tokens come from
   * {@code tokenizer_config.json} and {@code special_tokens_map.json}. A directory without any template is no error here. Of a GGUF file its own
   * templates and tokens are taken.
   *
   * @throws FormatException if a file is broken
   */
  public static ChatTemplates load(Path modelDirectory) {
    if (SettingsFiles.isGguf(modelDirectory)) {
      Json json = new Json(modelDirectory, "", SettingsFiles.find(modelDirectory, "tokenizer_config.json").orElseThrow());
      Map<String, Text> templates = new LinkedHashMap<>();
      named(json, templates);
      Map<String, String> tokens = new LinkedHashMap<>();
      tokens(json, tokens);
      return new ChatTemplates(modelDirectory, templates, Collections.unmodifiableMap(tokens));
    }
    if (!Files.isDirectory(modelDirectory)) {
      throw new FormatException(modelDirectory + ": no such directory");
    }
    Optional<Json> config = beside(modelDirectory, "tokenizer_config.json");
    Map<String, Text> templates = jinja(modelDirectory);
    if (templates.isEmpty()) {
      beside(modelDirectory, "chat_template.json").ifPresent(json -> named(json, templates));
    }
    if (templates.isEmpty()) {
      config.ifPresent(json -> named(json, templates));
    }
    Map<String, String> tokens = new LinkedHashMap<>();
    config.ifPresent(json -> tokens(json, tokens));
    beside(modelDirectory, "special_tokens_map.json").ifPresent(json -> tokens(json, tokens));
    return new ChatTemplates(modelDirectory, templates, Collections.unmodifiableMap(tokens));
  }

  private static Optional<Json> beside(Path directory, String name) {
    Path file = directory.resolve(name);
    return Files.exists(file) ? Optional.of(Json.read(file)) : Optional.empty();
  }

  private static Map<String, Text> jinja(Path directory) {
    Map<String, Text> templates = new LinkedHashMap<>();
    Path main = directory.resolve("chat_template.jinja");
    if (Files.exists(main)) {
      templates.put(DEFAULT, new Text(Inputs.text(main), main.toString()));
    }
    Path more = directory.resolve("additional_chat_templates");
    if (Files.isDirectory(more)) {
      for (Path file : files(more)) {
        String name = file.getFileName().toString();
        if (name.endsWith(".jinja")) {
          templates.put(name.substring(0, name.length() - ".jinja".length()), new Text(Inputs.text(file), file.toString()));
        }
      }
    }
    return templates;
  }

  private static List<Path> files(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      return files.sorted().toList();
    } catch (IOException e) {
      throw new ResourceException(directory + ": cannot be read: " + e, e);
    }
  }

  /** The member chat_template: one text, or several with names. */
  private static void named(Json json, Map<String, Text> templates) {
    json.find("chat_template").ifPresent(given -> {
      if (!given.node().isArray()) {
        templates.put(DEFAULT, new Text(given.text(), json.file() + ": chat_template"));
        return;
      }
      for (Json element : given.elements()) {
        String name = element.get("name").text();
        if (templates.put(name, new Text(element.get("template").text(), json.file() + ": chat_template " + name)) != null) {
          throw element.broken("is a second template named " + name);
        }
      }
    });
  }

  private static void tokens(Json json, Map<String, String> tokens) {
    json.node().fieldNames().forEachRemaining(key -> {
      if (key.endsWith("_token")) {
        json.find(key).flatMap(ChatTemplates::token).ifPresent(text -> tokens.putIfAbsent(key, text));
      }
    });
    json.find("extra_special_tokens").filter(more -> more.node().isObject()).ifPresent(more -> more.node().fieldNames().forEachRemaining(
        key -> more.find(key).flatMap(ChatTemplates::token).ifPresent(text -> tokens.putIfAbsent(key, text))));
  }

  /** A special token's text; none for switches such as add_bos_token. */
  private static Optional<String> token(Json json) {
    return json.node().isTextual() ? Optional.of(json.text()) : json.node().isObject() ? Optional.of(json.get("content").text()) : Optional.empty();
  }

  /** The names, in the order found. */
  public Set<String> names() {
    return Collections.unmodifiableSet(templates.keySet());
  }

  /**
   * The template of a name.
   *
   * @throws ConfigException if there is none, listing the names that there are
   * @throws FormatException if it is not in the subset
   */
  public ChatTemplate get(String name) {
    Text text = text(name);
    return ChatTemplate.of(text.source(), text.file());
  }

  /**
   * The text of the template of a name, which may be outside the subset.
   *
   * @throws ConfigException if there is none, listing the names that there are
   */
  public String source(String name) {
    return text(name).source();
  }

  private Text text(String name) {
    Text text = templates.get(name);
    if (text == null) {
      throw new ConfigException(templates.isEmpty()
          ? directory + ": holds no chat template; looked for chat_template.jinja, chat_template.json, chat_template in tokenizer_config.json"
          : directory + ": holds no chat template named " + name + ", but " + String.join(", ", templates.keySet()));
    }
    return text;
  }

  /** The template named {@value #DEFAULT}, or with tools the one named tool_use if there is one, as transformers chooses. */
  public ChatTemplate choose(boolean tools) {
    return get(tools && templates.containsKey(TOOLS) ? TOOLS : DEFAULT);
  }

  /** Texts of the special tokens by name, such as {@code eos_token}. */
  public Map<String, String> specialTokens() {
    return specialTokens;
  }
}
