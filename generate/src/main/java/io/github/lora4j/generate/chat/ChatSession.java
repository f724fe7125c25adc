package io.github.lora4j.generate.chat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.github.lora4j.generate.Request;
import io.github.lora4j.generate.Sequence;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.text.Completion;
import io.github.lora4j.generate.text.TextGenerator;
import io.github.lora4j.generate.text.TextListener;
import io.github.lora4j.tokenizer.chat.Chat;
import io.github.lora4j.tokenizer.chat.ChatTemplate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A conversation with a model. Each turn renders all of it with the model's chat template; what is the same as in the turn before is not computed
 * again, unless the adapter changed.
 */
public final class ChatSession implements AutoCloseable {

  private final TextGenerator generator;
  private final ChatTemplate template;
  private Chat start;
  private final List<JsonNode> messages = new ArrayList<>();
  private String system = "";
  private String adapter = "";
  private @Nullable Sequence sequence;

  /**
   * An empty conversation.
   *
   * @param specialTokens texts of special tokens by name, which templates print
   */
  public ChatSession(TextGenerator generator, ChatTemplate template, Map<String, String> specialTokens) {
    this.generator = generator;
    this.template = template;
    start = Chat.of(List.of()).withSpecialTokens(specialTokens).withEnding(Chat.Ending.GENERATION_PROMPT).withNow(LocalDateTime.now());
  }

  /** With another start: variables of the template, the day that it prints. Its messages do not count. The conversation begins anew. */
  public void start(UnaryOperator<Chat> other) {
    start = other.apply(start);
    reset();
  }

  /** With another system message; empty: none. The conversation begins anew. */
  public void system(String text) {
    system = text;
    reset();
  }

  /** Forgets the conversation, not the system message. */
  public void reset() {
    messages.clear();
  }

  /** With another adapter of a set; what was said stays. */
  public void adapter(String name) {
    adapter = name;
  }

  /** The adapter; empty: the active one. */
  public String adapter() {
    return adapter;
  }

  /** What was said, the system message left out. */
  public List<JsonNode> messages() {
    return List.copyOf(messages);
  }

  /**
   * Says something and gets the answer, both of which become part of the conversation; also what there is of an answer that was stopped. If this
   * fails, the conversation is as before.
   *
   * @throws io.github.lora4j.vector.ConfigException when the conversation has become longer than the model's context, or the template refuses it
   */
  public Completion say(String text, GenerationConfig config, TextListener listener) {
    messages.add(message("user", text));
    try {
      Sequence of = begin(generator.request(generator.tokenizer().encode(rendered(), false).ids(), config, adapter));
      Completion answer = generator.complete(of, listener);
      messages.add(message("assistant", answer.text()));
      return answer;
    } catch (RuntimeException e) {
      messages.removeLast();
      throw e;
    }
  }

  /** The conversation as the model sees it. */
  private String rendered() {
    List<JsonNode> all = new ArrayList<>();
    if (!system.isEmpty()) {
      all.add(message("system", system));
    }
    all.addAll(messages);
    return template.render(start.withMessages(all)).text();
  }

  private Sequence begin(Request request) {
    Sequence held = sequence;
    if (held != null) {
      generator.generator().resume(held, request);
    } else {
      held = generator.generator().add(request);
      sequence = held;
    }
    return held;
  }

  /** Stops the answer at hand; for any thread. */
  public void stop() {
    Sequence held = sequence;
    if (held != null) {
      held.cancel();
    }
  }

  private static JsonNode message(String role, String content) {
    return JsonNodeFactory.instance.objectNode().put("role", role).put("content", content);
  }

  @Override
  public void close() {
    if (sequence != null) {
      generator.generator().remove(sequence);
    }
    sequence = null;
  }
}
