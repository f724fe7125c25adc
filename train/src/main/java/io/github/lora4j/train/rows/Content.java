package io.github.lora4j.train.rows;

import java.util.List;

/** What a row says, apart from the format it came in. */
public sealed interface Content {

  /** A text to be continued. */
  record Text(String text) implements Content {}

  /** What was asked, and the answer. */
  record Answer(Turns prompt, Turns answer) implements Content {}

  /**
   * An instruction in the manner of Alpaca.
   *
   * @param input what it is about; may be empty
   * @param system may be empty
   * @param history questions and answers before it
   */
  record Instruction(String instruction, String input, String output, String system, List<List<String>> history) implements Content {
    /** Copies the list. */
    public Instruction {
      history = List.copyOf(history);
    }

    /** The same as messages: the input on a line of its own below the instruction. */
    public Conversation conversation() {
      List<Message> messages = new java.util.ArrayList<>();
      if (!system.isEmpty()) {
        messages.add(Message.of("system", system));
      }
      history.forEach(turn -> messages.addAll(List.of(Message.of("user", turn.getFirst()), Message.of("assistant", turn.getLast()))));
      messages.add(Message.of("user", question()));
      messages.add(Message.of("assistant", output));
      return new Conversation(messages, List.of());
    }

    /** Instruction and input as one text. */
    public String question() {
      return input.isEmpty() ? instruction : instruction + "\n" + input;
    }
  }

  /**
   * Messages of several roles.
   *
   * @param tools descriptions of functions, as JSON values, for the template
   */
  record Conversation(List<Message> messages, List<Object> tools) implements Content {
    /** Copies the lists. */
    public Conversation {
      messages = List.copyOf(messages);
      tools = List.copyOf(tools);
    }
  }

  /** Two answers to one prompt, of which the first is better. */
  record Preference(Turns prompt, Turns chosen, Turns rejected) implements Content {}

  /** An answer, and whether it is good. */
  record Verdict(Turns prompt, Turns answer, boolean good) implements Content {}
}
