package io.github.lora4j.tokenizer.chat;

import io.github.lora4j.tokenizer.chat.internal.Trace;
import java.util.ArrayList;
import java.util.List;

/** Finds the assistant's words: each turn of an assistant's message behind its {@link Header}. */
final class Answers {

  private Answers() {}

  static List<Answer> of(ChatTemplate template, Chat chat, Trace trace, boolean lineBreak) {
    List<Answer> answers = new ArrayList<>();
    Header header = new Header(template, chat);
    for (int message = 0; message < chat.messages().size(); message++) {
      if (chat.messages().get(message).path("role").asText().equals("assistant")) {
        Span turn = turn(trace, message);
        if (turn.length() > 0) {
          int last = closed(trace, turn.end(), chat.specialTokens().getOrDefault("eos_token", ""));
          int end = lineBreak ? last : withoutBlanks(trace, new Span(turn.start(), last));
          answers.add(new Answer(message, Math.min(end, turn.start() + header.length(trace, turn, message)), end));
        }
      }
    }
    return answers;
  }

  /** The longest stretch of text that was written in a message's turn. */
  private static Span turn(Trace trace, int message) {
    Span longest = new Span(0, 0);
    int length = trace.text().length();
    for (int start = 0; start < length;) {
      int end = trace.runEnd(start);
      if (trace.turn(start) == message) {
        while (end < length && trace.turn(end) == message) {
          end = trace.runEnd(end);
        }
        longest = end - start > longest.length() ? new Span(start, end) : longest;
      }
      start = end;
    }
    return longest;
  }

  /** Some templates write the end token behind the loop over messages. */
  private static int closed(Trace trace, int end, String token) {
    boolean outside = end < trace.text().length() && trace.turn(end) < 0;
    return outside && !token.isEmpty() && trace.text().startsWith(token, end) ? end + token.length() : end;
  }

  /** Where a turn ends without the blanks and line breaks that the template wrote last. */
  private static int withoutBlanks(Trace trace, Span turn) {
    int end = turn.end();
    while (end > turn.start() && trace.source(end - 1) < 0 && Character.isWhitespace(trace.text().charAt(end - 1))) {
      end--;
    }
    return end;
  }
}
