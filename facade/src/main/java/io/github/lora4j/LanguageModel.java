package io.github.lora4j;

import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * What can be asked: a model alone, or with one of its adapters ({@link LocalModel#with}). For any number of threads, virtual ones included; texts of
 * several callers are continued together.
 *
 * <p>Interrupting a thread that waits for an answer ends the answer: the call throws {@link java.util.concurrent.CancellationException}, and the
 * thread stays interrupted. After {@link LocalModel#close} every call throws {@link IllegalStateException}.
 */
public interface LanguageModel {

  /** Its name: the model's or the adapter's. */
  String name();

  /** Continues a text with the settings of the model's files. */
  default Generated generate(String prompt) {
    return generate(prompt, Map.of());
  }

  /** Continues a text; see {@link #generate(String, Map, Consumer)}. */
  default Generated generate(String prompt, Map<String, ?> settings) {
    return generate(prompt, settings, piece -> { });
  }

  /**
   * Continues a text.
   *
   * @param settings by their names in transformers: {@code max_new_tokens} (256, where nothing says it), {@code do_sample}, {@code temperature},
   *     {@code top_p}, {@code stop_strings}, {@code repetition_penalty}, ..., and {@code seed}; they go before those of the model's files
   * @param listener told of the text as it comes, on this thread; an exception ends the answer
   * @throws io.github.lora4j.vector.ConfigException when a setting is wrong or the prompt too long
   */
  Generated generate(String prompt, Map<String, ?> settings, Consumer<String> listener);

  /** Answers a conversation with the settings of the model's files. */
  default Generated chat(List<? extends Map<String, ?>> messages) {
    return chat(messages, Map.of());
  }

  /** Answers a conversation; see {@link #chat(List, Map, Consumer)}. */
  default Generated chat(List<? extends Map<String, ?>> messages, Map<String, ?> settings) {
    return chat(messages, settings, piece -> { });
  }

  /**
   * Answers a conversation, written by the chat template of the model or of the adapter's training.
   *
   * @param messages with {@code role} and {@code content}, as OpenAI and transformers have them
   * @param settings those of {@link #generate(String, Map, Consumer)}, and {@code tools} (functions as OpenAI has them) and
   *     {@code chat_template_kwargs} (variables of the template)
   * @param listener told of the text as it comes, on this thread; calls of tools are no part of it
   */
  Generated chat(List<? extends Map<String, ?>> messages, Map<String, ?> settings, Consumer<String> listener);

  /** The vector of a text, of length 1. */
  default List<Double> embed(String text) {
    return embedAll(List.of(text)).getFirst();
  }

  /** The vectors of texts, of length 1. */
  List<List<Double>> embedAll(List<String> texts);

  /** The class of a text, by an adapter that was trained for classification. */
  default Classification classify(String text) {
    return classifyAll(List.of(text)).getFirst();
  }

  /** The classes of texts. */
  List<Classification> classifyAll(List<String> texts);

  /** How well a text belongs to another: the value of an adapter that was trained for regression or reward, or the cosine of their vectors. */
  default double score(String text, String other) {
    return scoreAll(text, List.of(other)).getFirst();
  }

  /** How well each of several texts belongs to a text. */
  List<Double> scoreAll(String text, List<String> others);

  /** All that an adapter which was trained for a task says of each text, by name: as {@code lora4j predict --json}. */
  List<Map<String, Object>> predict(List<String> texts);

  /** Tokens of a text, without special ones around it. */
  int countTokens(String text);

  /** Tokens of a conversation as its template writes it, with the header of the answer. */
  int countChatTokens(List<? extends Map<String, ?>> messages);
}
