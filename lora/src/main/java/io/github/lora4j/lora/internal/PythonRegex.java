package io.github.lora4j.lora.internal;

import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression in Python's syntax, as PEFT's configs hold them. Translated to Java's: named groups (?P&lt;n&gt;…), (?P=n), \Z,
 * {,n}, and characters that are special in Java's character classes only. What cannot be translated is an error, never a
 * different meaning. Matching gives up after a fixed number of steps, for patterns come from files that nobody vouches for.
 */
public final class PythonRegex {

  private static final int MAX_LENGTH = 10_000;
  private static final int MAX_STEPS = 2_000_000;
  /** Escapes of letters and digits that mean the same in both languages. */
  private static final String SHARED_ESCAPES = "AbBdDsSwWnrtfav\\0123456789xu";

  /**
   * Matches always, and looks at a character to do so: put before each alternative, for those that match nothing at all would be tried in all
   * combinations without a step being counted.
   */
  private static final String STEP = "(?![^\\s\\S])(?<![^\\s\\S])";

  private final String source;
  private final Pattern pattern;

  private PythonRegex(String source, Pattern pattern) {
    this.source = source;
    this.pattern = pattern;
  }

  /**
   * Translates and compiles.
   *
   * @throws ConfigException naming the expression and the position
   */
  public static PythonRegex compile(String regex) {
    return compile("", regex, "");
  }

  /** Compiles with Java syntax around it. */
  public static PythonRegex compile(String before, String regex, String after) {
    if (regex.length() > MAX_LENGTH) {
      throw new ConfigException("regular expression of %,d characters; at most %,d are read".formatted(regex.length(), MAX_LENGTH));
    }
    try {
      String own = new Translation(regex).java();
      Pattern.compile(own); // on its own first, so that an unbalanced ")" cannot hide in what surrounds it
      return new PythonRegex(regex, Pattern.compile(before + own + after, Pattern.UNICODE_CHARACTER_CLASS));
    } catch (PatternSyntaxException e) {
      throw new ConfigException("'%s' is not a regular expression: %s (near character %d)".formatted(brief(regex), e.getDescription(),
          e.getIndex()), e);
    } catch (StackOverflowError e) {
      throw new ConfigException("'%s' is nested too deeply for a regular expression".formatted(brief(regex)), e);
    }
  }

  /** Python's re.fullmatch. */
  public boolean fullMatch(String text) {
    return guard(text, Matcher::matches);
  }

  /** Python's re.match: at the beginning, not necessarily to the end. */
  public boolean match(String text) {
    return guard(text, Matcher::lookingAt);
  }

  /** Python's re.match, and what the Java group of this name holds; empty text if there is no match. */
  public String matchGroup(String text, String group) {
    String[] found = {""};
    guard(text, matcher -> {
      boolean matched = matcher.lookingAt();
      String value = matched ? matcher.group(group) : null; // null also for a group that took no part in the match
      found[0] = value == null ? "" : value;
      return matched;
    });
    return found[0];
  }

  private boolean guard(String text, java.util.function.Predicate<Matcher> run) {
    try {
      return run.test(pattern.matcher(new Bounded(text, 0, text.length(), new int[] {MAX_STEPS})));
    } catch (TooManySteps | StackOverflowError e) {
      throw new ConfigException("regular expression '%s' takes too long on '%s'; simplify it".formatted(brief(source), brief(text)), e);
    }
  }

  private static String brief(String text) {
    return text.length() <= 200 ? text : text.substring(0, 200) + "…";
  }

  private static final class TooManySteps extends RuntimeException {
    TooManySteps() {
      super(null, null, false, false);
    }
  }

  /** Text that can be looked at only so often. */
  private record Bounded(String text, int start, int end, int[] left) implements CharSequence {
    @Override
    public char charAt(int index) {
      if (--left[0] < 0) {
        throw new TooManySteps();
      }
      return text.charAt(start + index);
    }

    @Override
    public int length() {
      return end - start;
    }

    @Override
    public CharSequence subSequence(int from, int to) {
      return new Bounded(text, start + from, start + to, left);
    }

    @Override
    public String toString() {
      return text.substring(start, end);
    }
  }

  /** One pass over the expression; Java's group names know no underscore, so names become numbers. */
  private static final class Translation {
    /** How a group begins; with flags that hold from there on, group 1, it is over at once. */
    private static final Pattern OPENING = Pattern.compile("\\((?:\\?(?:[:=!>]|<[=!]|[a-zA-Z-]*:|([a-zA-Z-]*\\))))?");
    private final String in;
    private final StringBuilder out = new StringBuilder();
    private final List<String> groups = new ArrayList<>();
    private int at;

    Translation(String in) {
      this.in = in;
    }

    String java() {
      while (at < in.length()) {
        char c = in.charAt(at);
        switch (c) {
          case '\\' -> escape();
          case '[' -> characterClass();
          case '(' -> group();
          case '|' -> {
            out.append('|').append(STEP);
            at++;
          }
          case '^', '$' -> {
            out.append(c);
            at++;
            notRepeated();
          }
          case '{' -> {
            at++;
            out.append(at < in.length() && in.charAt(at) == ',' ? "{0" : "{");
          }
          default -> {
            out.append(c);
            at++;
          }
        }
      }
      return out.toString();
    }

    private void escape() {
      if (at + 1 >= in.length()) {
        throw new PatternSyntaxException("a backslash at the end", in, at);
      }
      char c = in.charAt(at + 1);
      if (c == 'Z') {
        out.append("\\z");
      } else if (Character.isLetterOrDigit(c) && c < 128 && SHARED_ESCAPES.indexOf(c) < 0) {
        throw new PatternSyntaxException("bad escape \\" + c, in, at);
      } else if (c == 'v') {
        out.append("\\x0b");
      } else {
        out.append('\\').append(c);
      }
      at += 2;
      if ("AbBZ".indexOf(c) >= 0) {
        notRepeated();
      }
    }

    /** Python refuses to repeat what matches a place. */
    private void notRepeated() {
      if (at < in.length() && "*+?{".indexOf(in.charAt(at)) >= 0) {
        throw new PatternSyntaxException("nothing to repeat", in, at);
      }
    }

    private void characterClass() {
      int open = at;
      out.append('[');
      at++;
      if (at < in.length() && in.charAt(at) == '^') {
        out.append('^');
        at++;
      }
      boolean first = true;
      while (at < in.length() && (first || in.charAt(at) != ']')) {
        first = false;
        char c = in.charAt(at);
        if (c == '\\') {
          escape();
        } else {
          out.append("[]&".indexOf(c) >= 0 ? "\\" : "").append(c);
          at++;
        }
      }
      if (at >= in.length()) {
        throw new PatternSyntaxException("unterminated character set", in, open);
      }
      out.append(']');
      at++;
    }

    private void group() {
      if (in.startsWith("(?P<", at)) {
        groups.add(name(at + 4, '>'));
        out.append("(?<p").append(groups.size()).append('>').append(STEP);
      } else if (in.startsWith("(?P=", at)) {
        int known = groups.indexOf(name(at + 4, ')')) + 1;
        if (known == 0) {
          throw new PatternSyntaxException("unknown group name", in, at);
        }
        out.append("\\k<p").append(known).append('>');
      } else if (in.startsWith("(?(", at) || in.startsWith("(?#", at)) {
        throw new PatternSyntaxException("conditional groups and comments are not supported", in, at);
      } else {
        Matcher opening = OPENING.matcher(in).region(at, in.length());
        opening.lookingAt();
        out.append(opening.group()).append(opening.group(1) == null ? STEP : "");
        at = opening.end();
      }
    }

    private String name(int from, char close) {
      int end = in.indexOf(close, from);
      if (end <= from) {
        throw new PatternSyntaxException("unterminated group name", in, from);
      }
      at = end + 1;
      return in.substring(from, end);
    }
  }
}
