package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Value.Bool;
import io.github.lora4j.tokenizer.chat.internal.Value.Int;
import io.github.lora4j.tokenizer.chat.internal.Value.Real;
import java.math.BigDecimal;
import java.math.BigInteger;

/** Python's arithmetic and how it prints numbers. */
final class Numbers {

  private static final int MAX_BITS = 1 << 14;

  private Numbers() {}

  static boolean isNumber(Value value) {
    return value instanceof Int || value instanceof Real || value instanceof Bool;
  }

  /** Whether it counts as a whole number: True and False do. */
  static boolean isWhole(Value value) {
    return value instanceof Int || value instanceof Bool;
  }

  static BigInteger whole(Value value) {
    return switch (value) {
      case Int number -> number.value();
      case Bool flag -> flag.value() ? BigInteger.ONE : BigInteger.ZERO;
      default -> throw new IllegalArgumentException(Value.type(value));
    };
  }

  static double real(Value value) {
    return value instanceof Real number ? number.value() : whole(value).doubleValue();
  }

  /** Compares numbers by value; a NaN is equal to none and less than none. */
  static int compare(Value a, Value b) {
    if (isWhole(a) && isWhole(b)) {
      return whole(a).compareTo(whole(b));
    }
    double x = real(a);
    double y = real(b);
    if (Double.isNaN(x) || Double.isNaN(y)) {
      return 2;
    }
    if (Double.isInfinite(x) || Double.isInfinite(y)) {
      return Double.compare(x, y);
    }
    return exact(a).compareTo(exact(b));
  }

  private static BigDecimal exact(Value value) {
    return value instanceof Real number ? new BigDecimal(number.value()) : new BigDecimal(whole(value));
  }

  static Value arithmetic(Run run, String op, Value a, Value b) {
    return isWhole(a) && isWhole(b) && !op.equals("/") ? integers(run, op, whole(a), whole(b)) : reals(run, op, real(a), real(b));
  }

  private static Value integers(Run run, String op, BigInteger a, BigInteger b) {
    return switch (op) {
      case "+" -> new Int(checked(run, a.add(b)));
      case "-" -> new Int(checked(run, a.subtract(b)));
      case "*" -> new Int(checked(run, a.multiply(b)));
      case "//" -> new Int(divide(run, a, b)[0]);
      case "%" -> new Int(divide(run, a, b)[1]);
      case "**" -> power(run, a, b);
      default -> throw run.outside("the operator " + op);
    };
  }

  private static BigInteger checked(Run run, BigInteger number) {
    if (number.bitLength() > MAX_BITS) {
      throw run.limit("makes a number of more than " + MAX_BITS + " bits");
    }
    return number;
  }

  private static BigInteger[] divide(Run run, BigInteger a, BigInteger b) {
    if (b.signum() == 0) {
      throw run.fail("division by zero");
    }
    BigInteger[] parts = a.divideAndRemainder(b);
    if (parts[1].signum() != 0 && parts[1].signum() != b.signum()) {
      return new BigInteger[] {parts[0].subtract(BigInteger.ONE), parts[1].add(b)};
    }
    return parts;
  }

  private static Value power(Run run, BigInteger a, BigInteger b) {
    if (b.signum() < 0) {
      return reals(run, "**", a.doubleValue(), b.doubleValue());
    }
    int bits = a.abs().bitLength();
    if (bits <= 1) {
      return new Int(a.signum() < 0 && !b.testBit(0) || b.signum() == 0 ? BigInteger.ONE : a);
    }
    if (b.bitLength() > 20 || (long) bits * b.intValue() > 2L * MAX_BITS) {
      throw run.limit("makes a number of more than " + MAX_BITS + " bits");
    }
    return new Int(checked(run, a.pow(b.intValue())));
  }

  private static Value reals(Run run, String op, double a, double b) {
    if (b == 0 && (op.equals("/") || op.equals("//") || op.equals("%")) || op.equals("**") && a == 0 && b < 0) {
      throw run.fail("division by zero");
    }
    double result = switch (op) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      case "//" -> Math.floor(a / b);
      case "%" -> modulo(a, b);
      case "**" -> Math.pow(a, b);
      default -> throw run.outside("the operator " + op);
    };
    if (op.equals("**") && Double.isNaN(result) && !Double.isNaN(a) && !Double.isNaN(b)) {
      throw run.outside("a complex number");
    }
    if (op.equals("**") && Double.isInfinite(result) && !Double.isInfinite(a) && !Double.isInfinite(b)) {
      throw run.fail("the result of ** is out of range");
    }
    return new Real(result);
  }

  private static double modulo(double a, double b) {
    double rest = a % b;
    return rest != 0 && rest < 0 != b < 0 ? rest + b : rest == 0 ? Math.copySign(0, b) : rest;
  }

  /** Python's repr of a float: the shortest digits, an exponent below 1e-4 and from 1e16. */
  static String text(double value) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal exact = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    int exponent = exact.precision() - exact.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      String plain = exact.toPlainString();
      return plain.indexOf('.') < 0 ? plain + ".0" : plain;
    }
    String digits = exact.unscaledValue().abs().toString();
    return (value < 0 ? "-" : "") + digits.charAt(0) + (digits.length() > 1 ? "." + digits.substring(1) : "")
        + RealFormat.exponent(exponent);
  }
}
