package io.github.lora4j.tokenizer.chat;

/**
 * Content of a message that did not reach the text.
 *
 * @param message index of the message
 * @param field key of the message, such as content
 * @param text what is missing, without blanks around it
 */
public record Missing(int message, String field, String text) {}
