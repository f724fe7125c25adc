package io.github.lora4j.tokenizer.chat;

import io.github.lora4j.tokenizer.chat.internal.Trace;
import java.util.List;

/** A conversation as text, with the origin of every char. Indices count chars (UTF-16 units), as in {@code Encoding.starts()}. */
public final class Rendered {

  private final ChatTemplate template;
  private final Chat chat;
  private final Trace trace;

  Rendered(ChatTemplate template, Chat chat, Trace trace) {
    this.template = template;
    this.chat = chat;
    this.trace = trace;
  }

  /** The text. It has its special tokens already: encode it without adding any. */
  public String text() {
    return trace.text();
  }

  /**
   * The message that a char belongs to: the one whose field it was copied from, and for what the template wrote itself, the one whose turn in the
   * loop over messages it was written in; -1 where there is none.
   */
  public int message(int index) {
    return trace.source(index) >= 0 ? trace.source(index) : trace.turn(index);
  }

  /** Whether the template wrote a char itself, as a literal, a special token or a variable's value; false if it was copied from a message. */
  public boolean literal(int index) {
    return trace.source(index) < 0;
  }

  /** Name of the message's field that a char was copied from, such as content or role; empty for what the template wrote itself. */
  public String field(int index) {
    String path = trace.path(index);
    return path.indexOf('/') < 0 ? path : path.substring(0, path.indexOf('/'));
  }

  /** The spans that a template itself marks with {@code {% generation %}}, in order; none if it marks none. */
  public List<Span> generation() {
    return trace.generation();
  }

  /** {@link #answers(boolean)}, line break included. */
  public List<Answer> answers() {
    return answers(true);
  }

  /**
   * For each assistant's message what the model is to say: from the first char behind the header, which is where a generation prompt stops, to the
   * end of turn. Thoughts and tool calls belong to it. To find the header, the messages before the first answer are rendered a few times more.
   *
   * @param lineBreak whether blanks and line breaks that the template writes behind the end token belong to it, as TRL has it
   */
  public List<Answer> answers(boolean lineBreak) {
    return Answers.of(template, chat, trace, lineBreak);
  }

  /** Contents of messages that the template dropped, as some do with thoughts of earlier turns or a system's message. */
  public List<Missing> missing() {
    return Lost.of(chat, trace);
  }
}
