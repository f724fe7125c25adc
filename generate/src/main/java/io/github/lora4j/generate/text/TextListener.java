package io.github.lora4j.generate.text;

import io.github.lora4j.generate.Sequence;

/** Told of text as soon as it is certain. */
@FunctionalInterface
public interface TextListener {

  /** Nobody listens. */
  TextListener NONE = (sequence, text) -> { };

  /** The answer of a sequence goes on with this text, which is never empty and ends within no character. */
  void text(Sequence sequence, String text);
}
