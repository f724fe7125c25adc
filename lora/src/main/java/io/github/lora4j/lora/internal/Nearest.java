package io.github.lora4j.lora.internal;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** Finds what a mistyped key may have meant. */
public final class Nearest {

  private Nearest() {}

  /** The candidate at the least edit distance, if it is at most a third of the word. */
  public static Optional<String> of(String word, Collection<String> candidates) {
    return candidates.stream().min(Comparator.comparingInt(c -> distance(word, c))).filter(c -> distance(word, c) <= Math.max(2,
        c.length() / 3));
  }

  private static int distance(String a, String b) {
    if (a.length() > 100) {
      return Integer.MAX_VALUE;
    }
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
