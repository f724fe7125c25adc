package io.github.lora4j.tokenizer.chat.internal;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A number of a template.
 *
 * @param text its digits, without underscores
 * @param real whether it has a fraction or an exponent
 * @param end index behind it
 */
record NumberWord(String text, boolean real, int end) {

  private static final Pattern REAL =
      Pattern.compile("(?:[0-9]++_)*+[0-9]++(?:(?:\\.(?:[0-9]++_)*+[0-9]++)?[eE][+\\-]?(?:[0-9]++_)*+[0-9]++|\\.(?:[0-9]++_)*+[0-9]++)");
  private static final Pattern WHOLE = Pattern.compile(
      "0[bB](?:_?[01])++|0[oO](?:_?[0-7])++|0[xX](?:_?[0-9a-fA-F])++|[1-9](?:_?[0-9])*+|0(?:_?0)*+");

  /** The number that begins at an index with a digit; behind a dot only a whole one. */
  static NumberWord at(String text, int index, boolean mayBeReal) {
    Matcher real = REAL.matcher(text).region(index, text.length());
    if (mayBeReal && real.lookingAt()) {
      return new NumberWord(real.group().replace("_", ""), true, real.end());
    }
    Matcher whole = WHOLE.matcher(text).region(index, text.length());
    whole.lookingAt();
    return new NumberWord(whole.group().replace("_", ""), false, whole.end());
  }
}
