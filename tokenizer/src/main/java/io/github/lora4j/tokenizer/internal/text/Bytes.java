package io.github.lora4j.tokenizer.internal.text;

import java.util.Arrays;

/** GPT-2's alphabet: every byte as a character that can be seen. */
public final class Bytes {

  private static final char[] CHARACTERS = new char[256];
  private static final int[] VALUES = new int[0x200];

  static {
    Arrays.fill(VALUES, -1);
    int shifted = 0;
    for (int b = 0; b < 256; b++) {
      boolean visible = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
      CHARACTERS[b] = (char) (visible ? b : 0x100 + shifted++);
      VALUES[CHARACTERS[b]] = b;
    }
  }

  private Bytes() {}

  /** The character of a byte, 0 to 255. */
  public static char character(int value) {
    return CHARACTERS[value];
  }

  /** The byte of a character, or -1 if it is not of the alphabet. */
  public static int value(int character) {
    return character < VALUES.length ? VALUES[character] : -1;
  }
}
