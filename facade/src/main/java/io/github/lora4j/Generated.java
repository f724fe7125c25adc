package io.github.lora4j;

import io.github.lora4j.generate.FinishReason;
import io.github.lora4j.inference.model.ToolForm;
import java.util.List;

/**
 * An answer.
 *
 * @param text without the prompt and without calls of tools
 * @param toolCalls functions that the model wants called, with their arguments as JSON; in chats with tools
 * @param reason why it ends
 * @param promptTokens tokens of the prompt
 * @param tokens of the answer
 */
public record Generated(String text, List<ToolForm.ToolCall> toolCalls, FinishReason reason, int promptTokens, int tokens) {

  /** Copies the list. */
  public Generated {
    toolCalls = List.copyOf(toolCalls);
  }
}
