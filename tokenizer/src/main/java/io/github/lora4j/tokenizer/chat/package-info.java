/**
 * Conversations as the text that a model was trained on: {@link io.github.lora4j.tokenizer.chat.ChatTemplate} runs a published chat template (a
 * subset of Jinja, with Python's semantics), and {@link io.github.lora4j.tokenizer.chat.Rendered} knows of every character whether the template or
 * which message it came from, so that labels need no guessing.
 */
package io.github.lora4j.tokenizer.chat;
