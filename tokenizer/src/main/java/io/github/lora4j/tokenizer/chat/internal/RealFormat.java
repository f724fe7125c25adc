package io.github.lora4j.tokenizer.chat.internal;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;

/** A positive number with a fixed count of digits: the formats f, e and g of C. */
final class RealFormat {

  private RealFormat() {}

  static String format(double number, char type, int precision) {
    BigDecimal exact = new BigDecimal(number);
    return switch (type) {
      case 'f' -> exact.setScale(precision, RoundingMode.HALF_EVEN).toPlainString();
      case 'e' -> exponent(exact, precision);
      default -> general(exact, Math.max(1, precision));
    };
  }

  private static String exponent(BigDecimal exact, int precision) {
    BigDecimal rounded = exact.round(new MathContext(precision + 1, RoundingMode.HALF_EVEN));
    int exponent = rounded.signum() == 0 ? 0 : rounded.precision() - rounded.scale() - 1;
    String digits = rounded.signum() == 0 ? "0" : rounded.unscaledValue().toString();
    digits = digits + "0".repeat(Math.max(0, precision + 1 - digits.length()));
    digits = digits.substring(0, precision + 1);
    return digits.charAt(0) + (precision > 0 ? "." + digits.substring(1) : "") + exponent(exponent);
  }

  /** The end of a number: "e+20", in 0 to 9 whatever the user's locale. */
  static String exponent(int exponent) {
    return String.format(Locale.ROOT, "e%s%02d", exponent < 0 ? "-" : "+", Math.abs(exponent));
  }

  private static String general(BigDecimal exact, int precision) {
    BigDecimal rounded = exact.round(new MathContext(precision, RoundingMode.HALF_EVEN));
    int exponent = rounded.signum() == 0 ? 0 : rounded.precision() - rounded.scale() - 1;
    if (exponent < -4 || exponent >= precision) {
      String text = exponent(exact, precision - 1);
      int e = text.indexOf('e');
      return trimmed(text.substring(0, e)) + text.substring(e);
    }
    return trimmed(exact.setScale(Math.max(0, precision - 1 - exponent), RoundingMode.HALF_EVEN).toPlainString());
  }

  private static String trimmed(String digits) {
    return digits.indexOf('.') < 0 ? digits : digits.replaceFirst("\\.?0+$", "");
  }
}
