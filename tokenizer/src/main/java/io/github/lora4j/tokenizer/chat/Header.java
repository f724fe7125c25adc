package io.github.lora4j.tokenizer.chat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.github.lora4j.tokenizer.chat.internal.Trace;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a template writes before an answer. It is the generation prompt, found by rendering the messages before the first answer with and without
 * it; a turn that has only a part of it, as when the prompt opens a thought that the turn does not have, has a header of that part. Where a template
 * knows no generation prompt, it is what comes before the content of an answer put there to find out, and where a turn begins otherwise, what comes
 * before its own content.
 */
final class Header {

  private final ChatTemplate template;
  private final Chat chat;
  private @Nullable String prompt;
  private @Nullable String lead;

  Header(ChatTemplate template, Chat chat) {
    this.template = template;
    this.chat = chat;
  }

  /** Number of chars of a turn's header. */
  int length(Trace trace, Span turn, int message) {
    int literal = turn.start();
    while (literal < turn.end() && frame(trace, literal, message)) {
      literal = Math.min(turn.end(), trace.runEnd(literal));
    }
    String own = trace.text().substring(turn.start(), literal);
    int prompted = common(own, prompt());
    if (prompted > 0) {
      return prompted;
    }
    if (lead().isEmpty() || own.startsWith(lead())) {
      return lead().length();
    }
    boolean content = literal < turn.end() && trace.path(literal).startsWith("content");
    return content ? own.length() : common(own, lead());
  }

  /** Whether a char is the template's own or names the role. */
  private static boolean frame(Trace trace, int index, int message) {
    return trace.source(index) < 0 || trace.source(index) == message && trace.path(index).equals("role");
  }

  /** Length of the common beginning; where both go on differently it ends with a line or a bracket, so that no special token is cut. */
  private static int common(String own, String wanted) {
    int common = 0;
    while (common < Math.min(own.length(), wanted.length()) && own.charAt(common) == wanted.charAt(common)) {
      common++;
    }
    while (common > 0 && common < wanted.length() && "\n>]".indexOf(own.charAt(common - 1)) < 0) {
      common--;
    }
    return common;
  }

  private String prompt() {
    if (prompt == null) {
      prompt = findPrompt();
    }
    return prompt;
  }

  private String lead() {
    if (lead == null) {
      lead = findLead();
    }
    return lead;
  }

  private List<JsonNode> before() {
    List<JsonNode> before = new ArrayList<>();
    for (JsonNode message : chat.messages()) {
      if (message.path("role").asText().equals("assistant")) {
        break;
      }
      before.add(message);
    }
    return before;
  }

  private String findPrompt() {
    List<JsonNode> before = before();
    if (before.isEmpty()) {
      before.add(JsonNodeFactory.instance.objectNode().put("role", "user").put("content", "-"));
    }
    Chat start = chat.withMessages(before);
    try {
      Trace with = template.trace(start.withEnding(Chat.Ending.GENERATION_PROMPT));
      Trace without = template.trace(start.withEnding(Chat.Ending.COMPLETE));
      String text = with.text();
      String base = without.text();
      if (!text.startsWith(base)) {
        base = base.substring(0, endOfTurns(without));
      }
      String prompt = text.startsWith(base) ? text.substring(base.length()) : "";
      return prompt.isEmpty() ? text.substring(endOfTurns(with)) : prompt;
    } catch (ConfigException | FormatException e) {
      return "";
    }
  }

  /** Where what the template writes behind the loop over messages begins. */
  private static int endOfTurns(Trace trace) {
    int end = 0;
    for (int i = 0; i < trace.text().length(); i = trace.runEnd(i)) {
      end = trace.turn(i) >= 0 ? trace.runEnd(i) : end;
    }
    return end;
  }

  private String findLead() {
    List<JsonNode> messages = before();
    int answer = messages.size();
    messages.add(JsonNodeFactory.instance.objectNode().put("role", "assistant").put("content", "-"));
    try {
      Trace trace = template.trace(chat.withMessages(messages).withEnding(Chat.Ending.COMPLETE));
      int start = -1;
      for (int i = 0; i < trace.text().length(); i = trace.runEnd(i)) {
        if (trace.turn(i) == answer) {
          start = start < 0 ? i : start;
          if (!frame(trace, i, answer)) {
            String found = trace.text().substring(start, i);
            return found.isBlank() ? "" : found;
          }
        }
      }
      return "";
    } catch (ConfigException | FormatException e) {
      return "";
    }
  }
}
