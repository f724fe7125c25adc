package io.github.lora4j.vector;

import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Names in messages: what a mistyped one may have meant, lists cut short, and text from files made safe to print. A name may come from an
 * untrusted file, so the work and the length of what comes out are bounded.
 */
public final class Names {

  /** Candidates looked at for one message, and characters compared of each. */
  private static final int MOST_CANDIDATES = 20_000;
  private static final int MOST_COMPARED = 160;
  /** Names in a list, and characters of one. */
  private static final int MOST_LISTED = 10;
  private static final int MOST_PRINTED = 300;
  private static final int MOST_IN_LINES = 20_000;

  private Names() {}

  /** Up to {@code count} of the known names, the least edit distance first. */
  public static List<String> nearest(String name, Collection<String> known, int count) {
    record Scored(String name, int distance) {}
    return known.stream().limit(MOST_CANDIDATES).map(candidate -> new Scored(candidate, distance(name, candidate)))
        .sorted(Comparator.comparingInt(Scored::distance)).limit(count).map(Scored::name).toList();
  }

  /** The known name that a mistyped one most likely meant: the nearest, if no more than a third of it differs (two characters of a short one). */
  public static Optional<String> meant(String name, Collection<String> known) {
    return nearest(name, known, 1).stream().filter(near -> distance(name, near) <= Math.max(2, near.length() / 3)).findFirst();
  }

  /** Characters to insert, delete or replace to make one name the other (Levenshtein 1966); of long names, the first 160 are compared. */
  public static int distance(String a, String b) {
    int n = Math.min(a.length(), MOST_COMPARED);
    int m = Math.min(b.length(), MOST_COMPARED);
    int[] row = new int[m + 1];
    Arrays.setAll(row, j -> j);
    for (int i = 1; i <= n; i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= m; j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[m] + Math.abs(a.length() - n - (b.length() - m));
  }

  /** The first ten names and how many more there are: "a, b, c and 999,997 more". */
  public static String list(Collection<?> names) {
    String first = names.stream().limit(MOST_LISTED).map(name -> printable(String.valueOf(name))).collect(Collectors.joining(", "));
    return names.size() <= MOST_LISTED ? first : "%s and %,d more".formatted(first, names.size() - MOST_LISTED);
  }

  /**
   * One line that is safe to print: characters that would act on a terminal, break the line or reorder its text are shown as
   * {@code \}{@code uXXXX}, and of long text the beginning is shown.
   */
  public static String printable(String text) {
    return printable(text, MOST_PRINTED, "");
  }

  /** The same for text of several lines, which keeps its line breaks and tabs; of a book, the beginning is shown. */
  public static String printableLines(String text) {
    return printable(text, MOST_IN_LINES, "\n\t");
  }

  private static String printable(String text, int most, String allowed) {
    int end = Math.min(text.length(), most);
    if (end < text.length() && Character.isHighSurrogate(text.charAt(end - 1))) {
      end--;
    }
    StringBuilder out = new StringBuilder(end);
    for (int at = 0; at < end; at += Character.charCount(text.codePointAt(at))) {
      int c = text.codePointAt(at);
      if (acts(c) && allowed.indexOf(c) < 0) {
        out.append("\\u%04x".formatted(c));
      } else {
        out.appendCodePoint(c);
      }
    }
    return end == text.length() ? out.toString() : out.append("… (%,d characters)".formatted(text.length())).toString();
  }

  /** Controls, among them those of terminals; marks that reorder text or are not seen; halves of a character. */
  private static boolean acts(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL, Character.SURROGATE, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR, Character.FORMAT -> true;
      default -> false;
    };
  }
}
