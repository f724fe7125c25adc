package io.github.lora4j.train.scores;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/** How the scores take texts apart. */
final class Words {

  /** What mteval-v13a.pl puts spaces around: ASCII punctuation but comma, hyphen, period and apostrophe. */
  private static final Pattern PUNCTUATION = Pattern.compile("([{-~\\[-` -&(-+:-@/])");
  private static final Pattern NOT_AFTER_DIGIT = Pattern.compile("([^0-9])([.,])");
  private static final Pattern NOT_BEFORE_DIGIT = Pattern.compile("([.,])([^0-9])");
  private static final Pattern DASH_AFTER_DIGIT = Pattern.compile("([0-9])(-)");
  private static final Pattern NOT_ALPHANUMERIC = Pattern.compile("[^a-z0-9]+");
  private static final Pattern ARTICLES = Pattern.compile("\\b(a|an|the)\\b", Pattern.UNICODE_CHARACTER_CLASS);

  private Words() {}

  /** The tokens between white space, as Python's split. */
  static List<String> split(String text) {
    List<String> words = new ArrayList<>();
    int start = -1;
    for (int i = 0; i < text.length(); i++) {
      if (blank(text.charAt(i))) {
        if (start >= 0) {
          words.add(text.substring(start, i));
        }
        start = -1;
      } else if (start < 0) {
        start = i;
      }
    }
    if (start >= 0) {
      words.add(text.substring(start));
    }
    return words;
  }

  /** White space in Python's sense: Java's own lacks the no-break spaces and U+0085. */
  private static boolean blank(char c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
  }

  /** The tokens of mteval-v13a.pl as sacreBLEU 2 has them ("13a"). */
  static List<String> mteval13a(String text) {
    String line = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ").replace("&quot;", "\"").replace("&amp;", "&")
        .replace("&lt;", "<").replace("&gt;", ">");
    line = PUNCTUATION.matcher(" " + line + " ").replaceAll(" $1 ");
    line = NOT_AFTER_DIGIT.matcher(line).replaceAll("$1 $2 ");
    line = NOT_BEFORE_DIGIT.matcher(line).replaceAll(" $1 $2");
    return split(DASH_AFTER_DIGIT.matcher(line).replaceAll("$1 $2 "));
  }

  /** The tokens of rouge_score: runs of a to z and 0 to 9, in lower case; other letters separate. */
  static List<String> rouge(String text) {
    return split(NOT_ALPHANUMERIC.matcher(text.toLowerCase(Locale.ROOT)).replaceAll(" "));
  }

  /** SQuAD's normalisation: lower case, without ASCII punctuation and articles. */
  static List<String> squad(String text) {
    StringBuilder letters = new StringBuilder();
    text.toLowerCase(Locale.ROOT).codePoints().filter(c -> !(c > ' ' && c < 0x7f && !Character.isLetterOrDigit(c))).forEach(letters::appendCodePoint);
    return split(ARTICLES.matcher(letters).replaceAll(" "));
  }

  /** How often each run of n tokens occurs. */
  static Map<List<String>, Integer> ngrams(List<String> tokens, int n) {
    Map<List<String>, Integer> counts = new HashMap<>();
    for (int i = 0; i + n <= tokens.size(); i++) {
      counts.merge(tokens.subList(i, i + n), 1, Integer::sum);
    }
    return counts;
  }
}
