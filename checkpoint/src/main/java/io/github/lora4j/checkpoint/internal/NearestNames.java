package io.github.lora4j.checkpoint.internal;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/** Finds the names most like one that was not found, for messages. */
final class NearestNames {

  /** Bounds on the work for one message: names looked at, characters compared of each. */
  private static final int MAX_NAMES = 20_000;
  private static final int MAX_LENGTH = 160;

  private NearestNames() {}

  /** Up to {@code count} of the candidates, by edit distance. */
  static List<String> of(String name, Collection<String> candidates, int count) {
    record Scored(String name, int distance) {}
    return candidates.stream()
        .limit(MAX_NAMES)
        .map(c -> new Scored(c, distance(name, c)))
        .sorted(Comparator.comparingInt(Scored::distance))
        .limit(count)
        .map(Scored::name)
        .toList();
  }

  private static int distance(String a, String b) {
    int n = Math.min(a.length(), MAX_LENGTH);
    int m = Math.min(b.length(), MAX_LENGTH);
    int[] previous = new int[m + 1];
    int[] current = new int[m + 1];
    for (int j = 0; j <= m; j++) {
      previous[j] = j;
    }
    for (int i = 1; i <= n; i++) {
      current[0] = i;
      for (int j = 1; j <= m; j++) {
        int replaced = previous[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        current[j] = Math.min(replaced, 1 + Math.min(previous[j], current[j - 1]));
      }
      int[] swap = previous;
      previous = current;
      current = swap;
    }
    return previous[m] + Math.abs(a.length() - n - (b.length() - m));
  }
}
