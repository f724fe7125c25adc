package io.github.lora4j.tokenizer.chat.internal;

import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's formatting with %. */
final class Percent {

  private static final Pattern FIELD =
      Pattern.compile("%(?:\\(([^()]*)\\))?([-+ 0#]*)(\\*|[0-9]{1,9})?(?:\\.(\\*|[0-9]{0,9}))?[hlL]?(.)", Pattern.DOTALL);

  private final Run run;
  private final Value arguments;
  private final List<Value> list;
  private int taken;

  private Percent(Run run, Value arguments) {
    this.run = run;
    this.arguments = arguments;
    this.list = arguments instanceof Items items && items.kind() == Items.Kind.TUPLE ? items.values() : List.of(arguments);
  }

  static Str format(Run run, Str format, Value arguments) {
    return new Percent(run, arguments).format(format);
  }

  private Str format(Str format) {
    StrBuilder out = new StrBuilder();
    Matcher field = FIELD.matcher(format.text());
    int from = 0;
    for (int at = format.text().indexOf('%'); at >= 0; at = format.text().indexOf('%', from)) {
      run.step();
      out.append(format, from, at);
      if (!field.find(at) || field.start() != at) {
        throw run.fail("incomplete format");
      }
      if (field.group(5).equals("%")) {
        out.append(format, at, at + 1);
      } else {
        out.append(field(field));
      }
      run.size(out.length());
      from = field.end();
    }
    if (taken < list.size() && !(arguments instanceof Dict) && !(arguments instanceof Items items && items.kind() != Items.Kind.TUPLE)) {
      throw run.fail("not all arguments converted during string formatting");
    }
    run.characters((long) out.length() + format.chars());
    return out.append(format, from, format.chars()).build();
  }

  private Value take(Matcher field) {
    if (field.group(1) != null) {
      if (!(arguments instanceof Dict dict)) {
        throw run.fail("format requires a mapping");
      }
      return dict.find(field.group(1)).orElseThrow(() -> run.fail("the format's key '" + field.group(1) + "' is not given"));
    }
    if (taken >= list.size()) {
      throw run.fail("not enough arguments for format string");
    }
    return list.get(taken++);
  }

  private Str field(Matcher field) {
    if ("*".equals(field.group(3)) || "*".equals(field.group(4))) {
      throw run.outside("a format whose width is an argument");
    }
    String flags = field.group(2);
    int width = field.group(3) == null ? 0 : Integer.parseInt(field.group(3));
    int precision = field.group(4) == null ? -1 : field.group(4).isEmpty() ? 0 : Integer.parseInt(field.group(4));
    run.characters(Math.max(width, precision));
    Value value = take(field);
    char type = field.group(5).charAt(0);
    Str text = switch (type) {
      case 's' -> cut(Values.text(run, value), precision);
      case 'r' -> cut(Repr.of(run, value), precision);
      case 'd', 'i', 'u', 'x', 'X', 'o' -> Str.literal(whole(type, flags, precision, value));
      case 'f', 'F', 'e', 'E', 'g', 'G' -> Str.literal(real(type, flags, precision, value));
      default -> throw run.outside("the format %" + type);
    };
    boolean zeros = flags.indexOf('0') >= 0 && flags.indexOf('-') < 0 && type != 's' && type != 'r';
    return pad(text, width, flags.indexOf('-') >= 0, zeros);
  }

  private static Str cut(Str text, int precision) {
    return precision >= 0 && precision < text.length() ? text.part(0, precision) : text;
  }

  private Str pad(Str text, int width, boolean left, boolean zeros) {
    int missing = width - text.length();
    if (missing <= 0) {
      return text;
    }
    if (zeros) {
      int sign = text.isEmpty() || Character.isLetterOrDigit(text.text().charAt(0)) ? 0 : 1;
      return new StrBuilder().append(text, 0, sign).append("0".repeat(missing)).append(text, sign, text.chars()).build();
    }
    String blanks = " ".repeat(missing);
    return left ? new StrBuilder().append(text).append(blanks).build() : new StrBuilder().append(blanks).append(text).build();
  }

  private static String signed(String digits, boolean negative, String flags) {
    return (negative ? "-" : flags.indexOf('+') >= 0 ? "+" : flags.indexOf(' ') >= 0 ? " " : "") + digits;
  }

  private String whole(char type, String flags, int precision, Value value) {
    if (!Numbers.isNumber(value)) {
      throw run.fail("%" + type + " format: a real number is required, not " + Value.type(value));
    }
    boolean hex = type == 'x' || type == 'X';
    if (flags.indexOf('#') >= 0 || value instanceof Value.Real && (hex || type == 'o')) {
      throw run.outside("the format %" + flags + type + " of a " + Value.type(value));
    }
    var number = value instanceof Value.Real real ? NumberParser.truncated(run, real.value()) : Numbers.whole(value);
    String digits = number.abs().toString(hex ? 16 : type == 'o' ? 8 : 10);
    digits = "0".repeat(Math.max(0, precision - digits.length())) + digits;
    return signed(type == 'X' ? digits.toUpperCase(Locale.ROOT) : digits, number.signum() < 0, flags);
  }

  private String real(char type, String flags, int precision, Value value) {
    if (!Numbers.isNumber(value)) {
      throw run.fail("must be real number, not " + Value.type(value));
    }
    double number = Numbers.real(value);
    if (flags.indexOf('#') >= 0 || Double.isNaN(number) || Double.isInfinite(number) || precision > 400) {
      throw run.outside("the format %" + flags + type + " of this number");
    }
    boolean negative = number < 0 || number == 0 && 1 / number < 0;
    String digits = RealFormat.format(Math.abs(number), Character.toLowerCase(type), precision < 0 ? 6 : precision);
    return signed(Character.isUpperCase(type) ? digits.toUpperCase(Locale.ROOT) : digits, negative, flags);
  }
}
