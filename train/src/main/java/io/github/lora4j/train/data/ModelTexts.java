package io.github.lora4j.train.data;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.SettingsFiles;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.tokenizer.chat.ChatTemplate;
import io.github.lora4j.tokenizer.chat.ChatTemplates;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What a model's files say of texts: where they begin and end, and how conversations are written. Files are read when they are asked for. */
public final class ModelTexts {

  /** Of no model. */
  public static final ModelTexts NONE = new ModelTexts(() -> {
    throw new ConfigException("this task needs the files of a model");
  });

  private static final ObjectMapper JSON = new ObjectMapper();

  private final Supplier<Path> directory;
  private final Map<String, ChatTemplate> read = new LinkedHashMap<>();
  private @Nullable ChatTemplates templates;
  private @Nullable Set<Integer> ends;
  private int decoderStart = -1;

  private ModelTexts(Supplier<Path> directory) {
    this.directory = directory;
  }

  /** Of the model in a directory. */
  public static ModelTexts of(Path directory) {
    return new ModelTexts(() -> directory);
  }

  private Path directory() {
    return directory.get();
  }

  private ChatTemplates templates() {
    ChatTemplates loaded = templates;
    if (loaded == null) {
      loaded = ChatTemplates.load(directory());
      templates = loaded;
    }
    return loaded;
  }

  /**
   * A chat template.
   *
   * @param choice empty for the model's own; the name of another one of the model's, or a file
   * @param tools whether the conversation has tools
   * @throws ConfigException if the model has none, saying what to do
   */
  public ChatTemplate template(String choice, boolean tools) {
    return read.computeIfAbsent(choice + (tools ? " with tools" : ""), key -> {
      if (choice.isEmpty()) {
        if (templates().names().isEmpty()) {
          throw new ConfigException(("%s has no chat template, so nothing says how conversations are written for it. Name a file of one by "
              + "chat_template: FILE.jinja, or train prompts and answers as plain text by chat_template: none").formatted(directory()));
        }
        return templates().choose(tools);
      }
      if (templates().names().contains(choice)) {
        return templates().get(choice);
      }
      Path file = Path.of(choice);
      if (!Files.isRegularFile(file)) {
        throw new ConfigException("chat_template: %s is neither a file nor one of the templates of %s, which has %s".formatted(choice, directory(),
            templates().names()));
      }
      try {
        return ChatTemplate.of(Files.readString(file, StandardCharsets.UTF_8), choice);
      } catch (IOException e) {
        throw new ResourceException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
      }
    });
  }

  /** The chat templates that a choice may come to: of conversations without and with tools. */
  public List<ChatTemplate> templates(String choice) {
    return List.of(template(choice, false), template(choice, true));
  }

  /** Texts of special tokens by name, for templates. */
  public Map<String, String> specialTokens() {
    return templates().specialTokens();
  }

  /** The token that ends a text: eos_token of the tokenizer's files, or eos_token_id of config.json. */
  public OptionalInt end(Tokenizer tokenizer) {
    return special("eos_token", tokenizer);
  }

  /** The token that begins a text. */
  public OptionalInt begin(Tokenizer tokenizer) {
    return special("bos_token", tokenizer);
  }

  /** The token that stands for one that is to be guessed: mask_token of the tokenizer's files, or what the classes of tokenizers have without it. */
  public OptionalInt mask(Tokenizer tokenizer) {
    OptionalInt named = special("mask_token", tokenizer);
    return named.isPresent() ? named : Stream.of("[MASK]", "<mask>").filter(tokenizer.specialTokens()::contains).mapToInt(tokenizer::id).findFirst();
  }

  private OptionalInt special(String name, Tokenizer tokenizer) {
    for (String file : List.of("tokenizer_config.json", "special_tokens_map.json")) {
      JsonNode token = json(file).map(json -> json.path(name)).orElse(JSON.missingNode());
      String text = token.isTextual() ? token.textValue() : token.path("content").asText("");
      if (!text.isEmpty()) {
        OptionalInt id = tokenizer.find(text);
        if (id.isEmpty()) {
          throw new FormatException("%s: %s is \"%s\", which the tokenizer does not have".formatted(directory().resolve(file), name, text));
        }
        return id;
      }
    }
    Set<Integer> ids = ids("config.json", name + "_id");
    return ids.isEmpty() ? OptionalInt.empty() : OptionalInt.of(ids.iterator().next());
  }

  /**
   * The token that a text made from another begins with.
   *
   * @throws ConfigException where the model's files do not say it
   */
  public int decoderStart() {
    int read = decoderStart;
    if (read < 0) {
      OptionalInt own = ModelDirectory.open(directory()).architecture().decoderStart();
      Set<Integer> generating = ids("generation_config.json", "decoder_start_token_id");
      if (own.isEmpty() && generating.isEmpty()) {
        throw new ConfigException("%s does not say which token a text made from another begins with: config.json has no decoder_start_token_id (T5's is its "
            .formatted(directory()) + "pad_token_id, as a rule)");
      }
      read = own.orElseGet(() -> generating.iterator().next());
      decoderStart = read;
    }
    return read;
  }

  /** Tokens at which generation stops: eos_token_id of generation_config.json; none where that is not there. */
  public Set<Integer> ends() {
    Set<Integer> read = ends;
    if (read == null) {
      read = ids("generation_config.json", "eos_token_id");
      ends = read;
    }
    return read;
  }

  private Set<Integer> ids(String file, String key) {
    Set<Integer> ids = new LinkedHashSet<>();
    json(file).map(json -> json.path(key)).ifPresent(value -> {
      if (value.isInt()) {
        ids.add(value.intValue());
      }
      value.forEach(item -> ids.add(item.asInt()));
    });
    return ids;
  }

  private Optional<JsonNode> json(String name) {
    if (SettingsFiles.isGguf(directory())) {
      return SettingsFiles.find(directory(), name);
    }
    Path file = directory().resolve(name);
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(JSON.readTree(Files.readAllBytes(file)));
    } catch (JacksonException e) {
      throw new FormatException("%s is not valid JSON: %s".formatted(file, e.getOriginalMessage()), e);
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }
}
