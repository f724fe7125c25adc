/** Conversations: {@link io.github.lora4j.generate.chat.ChatSession} keeps the history, the template and the cache of one. */
package io.github.lora4j.generate.chat;
