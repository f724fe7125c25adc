package io.github.lora4j.tokenizer.internal.text;

import java.util.Arrays;
import java.util.BitSet;

/** A set of code points that is asked often: pages of 256 bits, equal ones shared where they are empty or full. */
public final class CodePoints {

  private static final int PAGES = 0x110000 >> 8;
  private static final long[] NONE = new long[4];
  private static final long[] ALL = {-1, -1, -1, -1};

  private final long[][] pages = new long[PAGES][];

  private CodePoints() {}

  /** The same code points as the bit set. */
  public static CodePoints of(BitSet set) {
    CodePoints result = new CodePoints();
    for (int page = 0; page < PAGES; page++) {
      long[] words = Arrays.copyOf(set.get(page << 8, (page + 1) << 8).toLongArray(), 4);
      result.pages[page] = Arrays.equals(words, NONE) ? NONE : Arrays.equals(words, ALL) ? ALL : words;
    }
    return result;
  }

  /** Whether the set has the code point. */
  public boolean has(int c) {
    return (pages[c >> 8][c >> 6 & 3] >>> c & 1) != 0;
  }
}
