package io.github.lora4j.tokenizer.chat.internal;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/** Python's int() and float() of texts and numbers. */
final class NumberParser {

  private static final Pattern WHOLE = Pattern.compile("[+-]?[0-9]++(?:_[0-9]++)*+");
  private static final Pattern REAL = Pattern.compile("[+-]?(?:[0-9]++(?:_[0-9]++)*+\\.?+[0-9]*+|\\.[0-9]++)(?:[eE][+-]?[0-9]++)?");
  private static final int MAX_DIGITS = 4300;

  private NumberParser() {}

  private static String stripped(Run run, Str text) {
    String digits = Trimming.strip(run, text, Value.None.NONE, true, true).text();
    StringBuilder ascii = new StringBuilder();
    digits.codePoints().forEach(c -> ascii.appendCodePoint(c > 0x7f && Character.isDigit(c) ? '0' + Character.digit(c, 10) : c));
    return ascii.toString();
  }

  /** A whole number in a text of base 10; empty if it is none. */
  static Optional<BigInteger> whole(Run run, Str text) {
    String digits = stripped(run, text);
    if (digits.length() > MAX_DIGITS || !WHOLE.matcher(digits).matches()) {
      return Optional.empty();
    }
    return Optional.of(new BigInteger(digits.replace("_", "").replaceFirst("^\\+", "")));
  }

  /** A number in a text, inf and nan among them; empty if it is none. */
  static Optional<Double> real(Run run, Str text) {
    String digits = stripped(run, text);
    String word = digits.toLowerCase(Locale.ROOT).replaceFirst("^[+-]", "");
    if (word.equals("inf") || word.equals("infinity") || word.equals("nan")) {
      return Optional.of(word.equals("nan") ? Double.NaN : digits.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY);
    }
    boolean real = digits.length() <= MAX_DIGITS && REAL.matcher(digits).matches();
    return real ? Optional.of(Double.parseDouble(digits.replace("_", ""))) : Optional.empty();
  }

  /** A number without its fraction. */
  static BigInteger truncated(Run run, double number) {
    if (Double.isNaN(number) || Double.isInfinite(number)) {
      throw run.fail("cannot convert float " + Numbers.text(number) + " to integer");
    }
    return new BigDecimal(number).toBigInteger();
  }
}
