package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.Chat;
import io.github.lora4j.tokenizer.chat.Limits;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.time.LocalDateTime;

/** One rendering: where it is, what it has spent, and in whose turn it writes. */
final class Run {

  private final String template;
  private final Limits limits;
  private final Chat chat;
  private long steps;
  private int depth;
  private int line = 1;
  private int turn = -1;
  private int generation = -1;
  private int generations;

  Run(String template, Limits limits, Chat chat) {
    this.template = template;
    this.limits = limits;
    this.chat = chat;
    this.steps = limits.steps();
  }

  /** The line that errors name from now on. */
  void at(int newLine) {
    line = newLine;
  }

  int line() {
    return line;
  }

  /** Counts a step. */
  void step() {
    if (--steps < 0) {
      throw limit("takes more than " + limits.steps() + " steps");
    }
  }

  /** Counts work on elements. */
  void spend(long elements) {
    steps -= elements;
    step();
  }

  /** Counts work on characters, which is faster, and checks that a text of so many may be. */
  void characters(long count) {
    size(count);
    spend(count >> 6);
  }

  /** Checks that a text of so many characters may be. */
  void size(long count) {
    if (count > limits.output()) {
      throw limit("makes a text of more than " + limits.output() + " characters");
    }
  }

  /** One level deeper; {@link #leave} must follow. */
  void enter() {
    if (++depth > limits.depth()) {
      throw limit("goes more than " + limits.depth() + " levels deep");
    }
  }

  void leave() {
    depth--;
  }

  FormatException limit(String what) {
    return new FormatException("%s, line %d: the template %s; stopped there".formatted(template, line, what));
  }

  FormatException fail(String problem) {
    return new FormatException("%s, line %d: %s".formatted(template, line, problem));
  }

  /** What Python can do and this interpreter cannot. */
  FormatException outside(String construct) {
    return fail(construct + " is outside the subset of Jinja that is supported");
  }

  String template() {
    return template;
  }

  LocalDateTime now() {
    return chat.now().orElseThrow(() -> new ConfigException(
        "%s, line %d: the template prints the date; give one, so that the text stays the same tomorrow".formatted(template, line)));
  }

  /** The message in whose turn the template is; -1 for none. */
  int turn() {
    return turn;
  }

  void turn(int message) {
    turn = message;
  }

  int generation() {
    return generation;
  }

  void generation(int number) {
    generation = number;
  }

  int nextGeneration() {
    return generations++;
  }
}
