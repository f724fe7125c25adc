package io.github.lora4j.tokenizer.chat;

import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/**
 * The chat templates of a model directory and its special tokens. A template is parsed when it is asked for, so that one outside the subset does not
 * keep the others from use.
 */
public final class ChatTemplates {

  /** The name of a template that is given without one. */
  public static final String DEFAULT = "default";

  private ChatTemplates() {}

  /**
   * Reads {@code chat_template.jinja}, {@code additional_chat_templates/*.jinja}, {@code chat_template.json} and {@code chat_template} in
   * {@code tokenizer_config.json} (a text, or a list of named ones); where a name occurs twice, the first of these wins. Special tokens come from
   * {@code tokenizer_config.json} and {@code special_tokens_map.json}. A directory without any template is no error here.
   *
   * @throws io.github.lora4j.vector.FormatException if a file is broken
   */
  public static ChatTemplates load(Path modelDirectory) {
    throw new UnsupportedOperationException();
  }

  /** The names, in the order found. */
  public Set<String> names() {
    throw new UnsupportedOperationException();
  }

  /**
   * The template of a name.
   *
   * @throws io.github.lora4j.vector.ConfigException if there is none, listing the names that there are
   * @throws io.github.lora4j.vector.FormatException if it is not in the subset
   */
  public ChatTemplate get(String name) {
    throw new UnsupportedOperationException();
  }

  /** The template named {@value #DEFAULT}, or with tools the one named tool_use if there is one, as transformers chooses. */
  public ChatTemplate choose(boolean tools) {
    throw new UnsupportedOperationException();
  }

  /** Texts of the special tokens by name, such as {@code eos_token}. */
  public Map<String, String> specialTokens() {
    throw new UnsupportedOperationException();
  }
}
