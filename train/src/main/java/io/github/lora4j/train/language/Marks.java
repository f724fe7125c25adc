package io.github.lora4j.train.language;

import io.github.lora4j.tokenizer.chat.Answer;
import io.github.lora4j.tokenizer.chat.Rendered;
import io.github.lora4j.tokenizer.chat.Span;
import io.github.lora4j.train.rows.Message;
import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/**
 * The assistant's words as a template marks them itself ({@code {% generation %}}), held against where its characters came from.
 *
 * @param spans the marked parts, each with the message it belongs to
 * @param problem what must not be: others' words within the marks, or the assistant's outside of them; empty if all is well
 * @param difference how the template's own characters at the borders differ; empty if they do not
 */
record Marks(List<OfMessage> spans, Optional<String> problem, Optional<String> difference) {

  private static final int SHOWN = 40;

  /** A marked part. */
  record OfMessage(int message, Span span) {}

  /** Looks at a conversation that was rendered by a template with marks. */
  static Marks of(Rendered rendered, List<Message> messages) {
    List<OfMessage> spans = new ArrayList<>();
    BitSet marked = new BitSet();
    Optional<String> problem = Optional.empty();
    for (Span span : rendered.generation()) {
      marked.set(span.start(), span.end());
      int owner = -1;
      for (int i = span.start(); i < span.end(); i++) {
        int message = rendered.message(i);
        boolean assistant = message >= 0 && messages.get(message).ofAssistant();
        owner = owner < 0 && assistant ? message : owner;
        if (!assistant && !rendered.literal(i) && problem.isEmpty()) {
          problem = Optional.of(("the chat template marks words of message %d, whose role is %s, as the assistant's ({%% generation %%}): "
              + "\"%s\"").formatted(message + 1, messages.get(message).role(), shown(rendered.text(), i, span.end())));
        }
      }
      if (owner >= 0) {
        spans.add(new OfMessage(owner, span));
      }
    }
    BitSet own = new BitSet();
    for (Answer answer : rendered.answers()) {
      own.set(answer.start(), answer.end());
    }
    Optional<String> outside = own.stream().filter(i -> !marked.get(i) && !rendered.literal(i) && !rendered.field(i).equals("role")).boxed()
        .findFirst().map(i -> ("the chat template leaves words of message %d out of its marks ({%% generation %%}), so they would not be learnt: "
            + "\"%s\". Change the template, or allow it by allow_lost_content: true").formatted(rendered.message(i) + 1, shown(rendered.text(), i, rendered.text().length())));
    return new Marks(spans, problem.or(() -> outside), difference(rendered.text(), own, marked));
  }

  private static Optional<String> difference(String text, BitSet own, BitSet marked) {
    BitSet differing = (BitSet) own.clone();
    differing.xor(marked);
    int first = differing.nextSetBit(0);
    if (first < 0) {
      return Optional.empty();
    }
    boolean more = marked.get(first);
    int end = first;
    while (end < text.length() && differing.get(end) && marked.get(end) == more) {
      end++;
    }
    return Optional.of("the chat template's marks ({%% generation %%}) %s \"%s\", which %s of the assistant's turn; the marks are followed".formatted(
        more ? "hold" : "leave out", shown(text, first, end), more ? "is no part" : "is a part"));
  }

  private static String shown(String text, int from, int to) {
    return Names.printable(text.substring(from, Math.min(to, from + SHOWN)));
  }
}
