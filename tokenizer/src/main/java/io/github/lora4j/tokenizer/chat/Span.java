package io.github.lora4j.tokenizer.chat;

/**
 * Characters of a text.
 *
 * @param start index of the first char
 * @param end index behind the last char; equal to {@code start} where there is none
 */
public record Span(int start, int end) {

  /** Number of chars (UTF-16 units). */
  public int length() {
    return end - start;
  }
}
