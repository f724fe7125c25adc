package io.github.lora4j.tokenizer.chat;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.LocalDateTime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A conversation and what else a template is given. Immutable as far as its JSON is left alone; each {@code with} method returns a changed copy.
 *
 * <p>Messages are objects such as {@code {"role": "user", "content": "Hi"}}, as in Hugging Face's {@code apply_chat_template}. Tools and documents
 * that are empty lists count as not given (the template sees {@code none}), as TRL passes them.
 */
public final class Chat {

  /** What the text ends with. */
  public enum Ending {
    /** The last message, ended as the template ends it: for training. */
    COMPLETE,
    /** The header of an assistant's answer ({@code add_generation_prompt}): for generating one. */
    GENERATION_PROMPT,
    /** The last message's text, without its end of turn ({@code continue_final_message}): for prolonging it. */
    CONTINUE_FINAL_MESSAGE
  }

  private final List<JsonNode> messages;
  private final List<JsonNode> tools;
  private final List<JsonNode> documents;
  private final Map<String, JsonNode> variables;
  private final Map<String, String> specialTokens;
  private final Ending ending;
  private final @Nullable LocalDateTime now;

  private Chat(List<JsonNode> messages, List<JsonNode> tools, List<JsonNode> documents, Map<String, JsonNode> variables,
      Map<String, String> specialTokens, Ending ending, @Nullable LocalDateTime now) {
    this.messages = messages;
    this.tools = tools;
    this.documents = documents;
    this.variables = variables;
    this.specialTokens = specialTokens;
    this.ending = ending;
    this.now = now;
  }

  /** A conversation, complete, without tools, documents, variables, special tokens or a date. */
  public static Chat of(List<? extends JsonNode> messages) {
    return new Chat(List.copyOf(messages), List.of(), List.of(), Map.of(), Map.of(), Ending.COMPLETE, null);
  }

  /** With tools as JSON schemas of functions. */
  public Chat withTools(List<? extends JsonNode> schemas) {
    return new Chat(messages, List.copyOf(schemas), documents, variables, specialTokens, ending, now);
  }

  /** With documents for retrieval-augmented answers. */
  public Chat withDocuments(List<? extends JsonNode> texts) {
    return new Chat(messages, tools, List.copyOf(texts), variables, specialTokens, ending, now);
  }

  /** With a variable that the template reads, such as {@code enable_thinking}, besides those given before. */
  public Chat withVariable(String name, JsonNode value) {
    Map<String, JsonNode> more = new LinkedHashMap<>(variables);
    more.put(name, value);
    return new Chat(messages, tools, documents, Map.copyOf(more), specialTokens, ending, now);
  }

  /** With the texts of special tokens by their names, such as {@code bos_token}; see {@link ChatTemplates#specialTokens}. */
  public Chat withSpecialTokens(Map<String, String> tokens) {
    return new Chat(messages, tools, documents, variables, Map.copyOf(tokens), ending, now);
  }

  /** With another end. */
  public Chat withEnding(Ending other) {
    return new Chat(messages, tools, documents, variables, specialTokens, other, now);
  }

  /** With the time that a template which prints today's date sees. Without it such a template is an error, for a text must not change over night. */
  public Chat withNow(LocalDateTime time) {
    return new Chat(messages, tools, documents, variables, specialTokens, ending, time);
  }

  /** With other messages. */
  public Chat withMessages(List<? extends JsonNode> others) {
    return new Chat(List.copyOf(others), tools, documents, variables, specialTokens, ending, now);
  }

  /**
   * With the arguments of tool calls as JSON, where they are texts that hold some. OpenAI's files have them as texts, and Hugging Face hands those to
   * the template as they are, which most templates then quote once more: this is for files, not for equality with transformers.
   *
   * @throws io.github.lora4j.vector.FormatException if a text is not JSON
   */
  public Chat withParsedArguments() {
    return withMessages(ToolArguments.parsed(messages));
  }

  /** The messages. */
  public List<JsonNode> messages() {
    return messages;
  }

  /** The tools; empty if there are none. */
  public List<JsonNode> tools() {
    return tools;
  }

  /** The documents; empty if there are none. */
  public List<JsonNode> documents() {
    return documents;
  }

  /** Variables by name. */
  public Map<String, JsonNode> variables() {
    return variables;
  }

  /** Texts of special tokens by name. */
  public Map<String, String> specialTokens() {
    return specialTokens;
  }

  /** What the text ends with. */
  public Ending ending() {
    return ending;
  }

  /** The pinned time. */
  public Optional<LocalDateTime> now() {
    return Optional.ofNullable(now);
  }
}
