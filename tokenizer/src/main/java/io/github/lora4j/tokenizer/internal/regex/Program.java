package io.github.lora4j.tokenizer.internal.regex;

import io.github.lora4j.tokenizer.internal.text.CodePoints;

/**
 * Steps of a match, {@link #WIDTH} numbers each: a kind and up to three operands.
 *
 * @param code the steps
 * @param sets sets of code points that they name
 * @param inner programs that they run: looks and atomic groups
 * @param registers how many places are remembered
 */
record Program(int[] code, CodePoints[] sets, Program[] inner, int registers) {

  static final int WIDTH = 4;

  static final int MATCH = 0;
  /** One code point. */
  static final int CHAR = 1;
  /** One of a set. */
  static final int SET = 2;
  /** Goes on at the first operand, and if that fails at the second. */
  static final int SPLIT = 3;
  static final int JUMP = 4;
  /** Goes to the second operand unless the next code point is of the set. */
  static final int GUARD = 5;
  /** Takes as many of a set as there are, from the second to the third operand, and gives back one by one. */
  static final int LOOP = 6;
  /** The same, and gives nothing back. */
  static final int LOOP_ONCE = 7;
  static final int ATOMIC = 8;
  static final int AHEAD = 9;
  static final int NOT_AHEAD = 10;
  static final int BEHIND = 11;
  static final int NOT_BEHIND = 12;
  static final int PLACE = 13;
  /** Remembers the place. */
  static final int MARK = 14;
  /** Goes to the second operand if nothing was taken since. */
  static final int CHECK = 15;
}
