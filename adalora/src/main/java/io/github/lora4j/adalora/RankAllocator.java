package io.github.lora4j.adalora;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Spreads a budget of singular values over all modules: the least important ones of all go, wherever they are (Zhang et al. 2023, section
 * 3.2). Importance is compared between modules as it is.
 */
final class RankAllocator {

  private RankAllocator() {}

  /**
   * Which singular values stay. The threshold is the k-th smallest score of all, k = scores − budget; what is not above it goes, ties
   * included, as in the authors' code and in PEFT.
   *
   * @param scores importance of each module's singular values
   * @return for each module, in the same order, true for those that stay
   */
  static Map<String, boolean[]> allocate(Map<String, float[]> scores, int budget) {
    int count = scores.values().stream().mapToInt(s -> s.length).sum();
    float[] all = new float[count];
    int at = 0;
    for (float[] s : scores.values()) {
      System.arraycopy(s, 0, all, at, s.length);
      at += s.length;
    }
    Arrays.sort(all);
    int k = count - budget;
    Map<String, boolean[]> kept = new LinkedHashMap<>();
    scores.forEach((module, s) -> {
      boolean[] bits = new boolean[s.length];
      for (int i = 0; i < s.length; i++) {
        bits[i] = k <= 0 || s[i] > all[k - 1];
      }
      kept.put(module, bits);
    });
    return kept;
  }

  /** As many letters 1 and 0. */
  static String text(boolean[] bits) {
    StringBuilder text = new StringBuilder();
    for (boolean bit : bits) {
      text.append(bit ? '1' : '0');
    }
    return text.toString();
  }

  /** The inverse of {@link #text}. */
  static boolean[] bits(String text) {
    boolean[] bits = new boolean[text.length()];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = text.charAt(i) == '1';
    }
    return bits;
  }

  static int count(boolean[] bits) {
    int count = 0;
    for (boolean bit : bits) {
      count += bit ? 1 : 0;
    }
    return count;
  }

  static List<Boolean> list(boolean[] bits) {
    List<Boolean> list = new ArrayList<>();
    for (boolean bit : bits) {
      list.add(bit);
    }
    return list;
  }
}
