package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.Span;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** A rendered text with the origin of its chars, for what lies outside of this package. */
public final class Trace {

  private final Str text;

  Trace(Str text) {
    this.text = text;
  }

  /** The text. */
  public String text() {
    return text.text();
  }

  private Origin origin(int index) {
    return text.origin(text.run(Objects.checkIndex(index, text.chars())));
  }

  /** Index of the message that a char was copied from; -1 for none. */
  public int source(int index) {
    return origin(index).message();
  }

  /** Index of the message in whose turn a char was written; -1 for none. */
  public int turn(int index) {
    return origin(index).turn();
  }

  /** Place in its message that a char was copied from, such as {@code content/0/text}; empty for none. */
  public String path(int index) {
    return origin(index).path();
  }

  /** The first char behind an index that may have another origin. */
  public int runEnd(int index) {
    return text.end(text.run(index));
  }

  /** The first chars of it. */
  Trace cut(int end) {
    return new Trace(text.slice(0, end));
  }

  /** The spans that were written in generation blocks. */
  public List<Span> generation() {
    List<Span> spans = new ArrayList<>();
    int open = -1;
    for (int run = 0; run < text.runs() && !text.isEmpty(); run++) {
      int number = text.origin(run).generation();
      if (number >= 0 && number == open) {
        spans.set(spans.size() - 1, new Span(spans.getLast().start(), text.end(run)));
      } else if (number >= 0) {
        spans.add(new Span(text.start(run), text.end(run)));
      }
      open = number;
    }
    return spans;
  }

  /** Which chars of a message's text reached the rendered text. */
  public void mark(int message, Map<String, BitSet> byPath) {
    for (int run = 0; run < text.runs() && !text.isEmpty(); run++) {
      Origin origin = text.origin(run);
      BitSet reached = origin.message() == message ? byPath.get(origin.path()) : null;
      if (reached != null) {
        reached.set(text.offset(run), text.offset(run) + text.end(run) - text.start(run));
      }
    }
  }
}
