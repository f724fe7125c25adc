package io.github.lora4j.inference.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.tokenizer.chat.ChatTemplate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** How a template has a model write calls of tools. What does not read as such stays text. */
public enum ToolForm {
  /** {@code <tool_call>{"name": ..., "arguments": {...}}</tool_call>}: Hermes, Qwen. */
  TAGGED("<tool_call>"),
  /** The whole answer is {@code {"name": ..., "parameters": {...}}}: Llama 3. */
  JSON("{"),
  /** Not known, so that calls are text. */
  NONE("");

  private static final String END = "</tool_call>";
  private static final ObjectMapper MAPPER = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private final String begin;

  ToolForm(String begin) {
    this.begin = begin;
  }

  /** A call. Arguments are JSON, as a text. */
  public record ToolCall(String name, String arguments) {}

  /** An answer taken apart. */
  public record Parts(String content, List<ToolCall> calls) {
    /** Copies the list. */
    public Parts {
      calls = List.copyOf(calls);
    }
  }

  /** How a template has them written. */
  public static ToolForm of(ChatTemplate template) {
    String source = template.source();
    return source.contains("<tool_call>") ? TAGGED : source.contains("\"parameters\"") && source.contains("ipython") ? JSON : NONE;
  }

  /** Where in an answer text may be the beginning of a call: from there on it is held back. Its length if nowhere. */
  public int held(CharSequence answer) {
    String text = answer.toString();
    if (this == NONE) {
      return text.length();
    }
    if (this == JSON) {
      return text.isBlank() || text.stripLeading().startsWith(begin) ? 0 : text.length();
    }
    int at = text.indexOf(begin);
    for (int n = Math.min(begin.length() - 1, text.length()); at < 0 && n > 0; n--) {
      at = begin.startsWith(text.substring(text.length() - n)) ? text.length() - n : -1;
    }
    return at < 0 ? text.length() : at;
  }

  /** Takes an answer apart. */
  public Parts read(String answer) {
    List<ToolCall> calls = new ArrayList<>();
    if (this == JSON) {
      Optional<ToolCall> call = answer.strip().startsWith(begin) ? call(answer) : Optional.empty();
      call.ifPresent(calls::add);
      return new Parts(call.isPresent() ? "" : answer, calls);
    }
    int at = this == NONE ? -1 : answer.indexOf(begin);
    if (at < 0) {
      return new Parts(answer, calls);
    }
    String content = answer.substring(0, at);
    while (at >= 0) {
      int end = answer.indexOf(END, at);
      Optional<ToolCall> call = call(answer.substring(at + begin.length(), end < 0 ? answer.length() : end));
      if (call.isEmpty()) {
        return new Parts(answer, List.of());
      }
      calls.add(call.get());
      at = end < 0 ? -1 : answer.indexOf(begin, end);
    }
    return new Parts(content.strip(), calls);
  }

  private static Optional<ToolCall> call(String text) {
    try {
      JsonNode node = MAPPER.readTree(text);
      JsonNode arguments = node == null ? MAPPER.missingNode() : node.has("arguments") ? node.get("arguments") : node.path("parameters");
      if (!(node instanceof ObjectNode) || !node.path("name").isTextual()) {
        return Optional.empty();
      }
      return Optional.of(new ToolCall(node.get("name").textValue(), arguments.isTextual() ? arguments.textValue()
          : arguments.isMissingNode() ? "{}" : MAPPER.writeValueAsString(arguments)));
    } catch (JsonProcessingException e) {
      // A model's words; they are shown as they are.
      return Optional.empty();
    }
  }
}
