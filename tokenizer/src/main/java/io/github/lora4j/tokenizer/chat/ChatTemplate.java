package io.github.lora4j.tokenizer.chat;

import io.github.lora4j.tokenizer.chat.internal.Program;
import io.github.lora4j.tokenizer.chat.internal.Trace;

/**
 * A chat template, parsed. Immutable and thread-safe.
 *
 * <p>The language is the subset of Jinja that published templates use, in the environment of transformers ({@code trim_blocks},
 * {@code lstrip_blocks}, loop controls, {@code generation}, {@code tojson} without HTML escapes, {@code raise_exception}, {@code strftime_now}).
 * A construct outside it is a {@link io.github.lora4j.vector.FormatException} that names line and construct, never another text.
 */
public final class ChatTemplate {

  private final String source;
  private final String name;
  private final Program program;

  private ChatTemplate(String source, String name, Program program) {
    this.source = source;
    this.name = name;
    this.program = program;
  }

  /**
   * Parses a template, with {@link Limits#DEFAULT}.
   *
   * @param name what errors call it, such as its file
   * @throws io.github.lora4j.vector.FormatException if it is not in the subset
   */
  public static ChatTemplate of(String source, String name) {
    return of(source, name, Limits.DEFAULT);
  }

  /** Parses a template that is stopped at the given limits. */
  public static ChatTemplate of(String source, String name, Limits limits) {
    return new ChatTemplate(source, name, Program.parse(source, name, limits));
  }

  /** What errors call it. */
  public String name() {
    return name;
  }

  /** The text it was parsed from. */
  public String source() {
    return source;
  }

  /** Whether the template says itself what the assistant's words are ({@code {% generation %}}). */
  public boolean marksAnswers() {
    return program.marksAnswers();
  }

  /**
   * Renders a conversation.
   *
   * @throws io.github.lora4j.vector.ConfigException if the template refuses the conversation ({@code raise_exception}, with its message), it
   *     prints the date and none is given, or the last message cannot be continued
   * @throws io.github.lora4j.vector.FormatException if the template fails on it, as on a null where it expects a text, or reaches a limit
   */
  public Rendered render(Chat chat) {
    return new Rendered(this, chat, trace(chat));
  }

  Trace trace(Chat chat) {
    return program.render(chat);
  }
}
