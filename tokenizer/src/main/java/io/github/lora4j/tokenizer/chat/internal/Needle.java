package io.github.lora4j.tokenizer.chat.internal;

/**
 * A text that is looked for in others, in time linear in their length whatever they are: String's own search takes the product of both lengths on
 * texts that were made against it. (Knuth, Morris and Pratt 1977.)
 */
final class Needle {

  /** Up to here String's search is fast enough, and on usual texts the faster one. */
  private static final int SHORT = 16;

  private final String wanted;
  private final int[] border;

  Needle(String wanted) {
    this.wanted = wanted;
    border = wanted.length() <= SHORT ? new int[0] : borders(wanted);
  }

  /** Of each beginning, the length of the longest shorter one that it ends with. */
  private static int[] borders(String wanted) {
    int[] border = new int[wanted.length() + 1];
    border[0] = -1;
    for (int i = 0, b = -1; i < wanted.length();) {
      while (b >= 0 && wanted.charAt(i) != wanted.charAt(b)) {
        b = border[b];
      }
      border[++i] = ++b;
    }
    return border;
  }

  /** Where it begins for the first time from an index on; −1 if it does not. */
  int first(String text, int from) {
    return border.length == 0 ? text.indexOf(wanted, from) : search(text, from, text.length(), true);
  }

  /** Where it begins for the last time among the first chars; −1 if it does not. */
  int last(String text, int end) {
    return border.length == 0 ? text.lastIndexOf(wanted, end - wanted.length()) : search(text, 0, end, false);
  }

  private int search(String text, int from, int end, boolean first) {
    int found = -1;
    for (int i = from, b = 0; i < end;) {
      while (b >= 0 && text.charAt(i) != wanted.charAt(b)) {
        b = border[b];
      }
      i++;
      b++;
      if (b == wanted.length()) {
        found = i - b;
        if (first) {
          return found;
        }
        b = border[b];
      }
    }
    return found;
  }
}
