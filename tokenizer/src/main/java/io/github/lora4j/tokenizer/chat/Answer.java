package io.github.lora4j.tokenizer.chat;

/**
 * What a model is to say in an assistant's turn: everything behind the header that the template writes before an answer, to the end of turn.
 *
 * @param message index of the assistant's message
 * @param start index of the first char in the rendered text
 * @param end index behind the last char
 */
public record Answer(int message, int start, int end) {

  /** Number of chars. */
  public int length() {
    return end - start;
  }
}
