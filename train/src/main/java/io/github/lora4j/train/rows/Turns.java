package io.github.lora4j.train.rows;

import java.util.List;

/** A part of a conversation: a plain text, or messages. */
public sealed interface Turns {

  /** A text. */
  record Plain(String text) implements Turns {}

  /** Messages. */
  record Messages(List<Message> messages) implements Turns {
    /** Copies the list. */
    public Messages {
      messages = List.copyOf(messages);
    }
  }

  /** As messages: a plain text is one of this role. */
  default List<Message> messages(String role) {
    return switch (this) {
      case Plain plain -> List.of(Message.of(role, plain.text));
      case Messages several -> several.messages;
    };
  }
}
