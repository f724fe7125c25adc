package io.github.lora4j.tokenizer.internal.regex;

import java.util.BitSet;
import java.util.List;

/** A regular expression as a tree. */
sealed interface Node {

  /** Several, one behind another. */
  record Row(List<Node> nodes) implements Node {}

  /** The first that fits. */
  record Choice(List<Node> nodes) implements Node {}

  /** One code point. */
  record Literal(int c) implements Node {}

  /** One code point of a set. */
  record One(BitSet set) implements Node {}

  /** A repetition; {@code most} is −1 without an end. */
  record Repeat(Node node, int least, int most, Mode mode) implements Node {}

  /** What is matched once and not tried otherwise. */
  record Atomic(Node node) implements Node {}

  /** What must, or must not, follow or lie before. */
  record Look(Node node, boolean behind, boolean negative) implements Node {}

  /** A place between code points. */
  record Place(Kind kind) implements Node {}

  /** How a repetition goes on. */
  enum Mode { GREEDY, LAZY, POSSESSIVE }

  /** Places. */
  enum Kind { LINE_START, LINE_END, TEXT_START, TEXT_END, TEXT_END_OR_LAST_LINE, WORD_EDGE, NO_WORD_EDGE }
}
