package io.github.lora4j.tokenizer.chat.internal;

import java.time.LocalDateTime;
import java.time.format.TextStyle;
import java.time.temporal.ChronoField;
import java.util.Locale;

/** Python's strftime, in English. */
final class Strftime {

  private Strftime() {}

  static String format(Run run, String format, LocalDateTime time) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%' || i + 1 == format.length()) {
        out.append(c);
        continue;
      }
      char code = format.charAt(++i);
      boolean plain = code == '-' && i + 1 < format.length();
      String field = field(run, plain ? format.charAt(++i) : code, time);
      out.append(plain ? field.replaceFirst("^0+(?=.)", "") : field);
    }
    return out.toString();
  }

  private static String field(Run run, char code, LocalDateTime time) {
    return switch (code) {
      case 'Y' -> String.valueOf(time.getYear());
      case 'y' -> two(time.getYear() % 100);
      case 'm' -> two(time.getMonthValue());
      case 'd' -> two(time.getDayOfMonth());
      case 'e' -> digits("%2d", time.getDayOfMonth());
      case 'H' -> two(time.getHour());
      case 'I' -> two(time.get(ChronoField.CLOCK_HOUR_OF_AMPM));
      case 'M' -> two(time.getMinute());
      case 'S' -> two(time.getSecond());
      case 'f' -> digits("%06d", time.getNano() / 1000);
      case 'p' -> time.getHour() < 12 ? "AM" : "PM";
      case 'j' -> digits("%03d", time.getDayOfYear());
      case 'A' -> time.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'a' -> time.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
      case 'B' -> time.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'b', 'h' -> time.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH).substring(0, 3);
      case 'w' -> String.valueOf(time.getDayOfWeek().getValue() % 7);
      case 'u' -> String.valueOf(time.getDayOfWeek().getValue());
      case 'F' -> "%s-%s-%s".formatted(time.getYear(), two(time.getMonthValue()), two(time.getDayOfMonth()));
      case 'D' -> "%s/%s/%s".formatted(two(time.getMonthValue()), two(time.getDayOfMonth()), two(time.getYear() % 100));
      case 'T' -> "%s:%s:%s".formatted(two(time.getHour()), two(time.getMinute()), two(time.getSecond()));
      case 'R' -> "%s:%s".formatted(two(time.getHour()), two(time.getMinute()));
      case 'Z', 'z' -> "";
      case 'n' -> "\n";
      case 't' -> "\t";
      case '%' -> "%";
      default -> throw run.outside("the date format %" + code);
    };
  }

  private static String two(int number) {
    return digits("%02d", number);
  }

  /** In 0 to 9, whatever digits the user's locale has: models learn from this. */
  private static String digits(String format, int number) {
    return String.format(Locale.ROOT, format, number);
  }
}
