package io.github.lora4j.tokenizer.internal.regex;

import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.vector.FormatException;
import java.util.List;

/** A regular expression. */
public final class Regex {

  private static final int MAX_LENGTH = 10_000;

  private final String pattern;
  private final Program program;

  private Regex(String pattern, Program program) {
    this.pattern = pattern;
    this.program = program;
  }

  /**
   * Reads an expression.
   *
   * @throws FormatException if it is wrong, of more than 10,000 characters, or has what is not supported (captures that are referred to)
   */
  public static Regex of(String pattern) {
    if (pattern.length() > MAX_LENGTH) {
      throw new FormatException("regular expression of " + pattern.length() + " characters, expected at most " + MAX_LENGTH);
    }
    Parser parser = new Parser(pattern);
    return new Regex(pattern, Compiler.compile(parser.parse(), parser));
  }

  /** What matches these characters only. */
  public static Regex literal(String text) {
    if (text.length() > MAX_LENGTH) {
      throw new FormatException("pattern of " + text.length() + " characters, expected at most " + MAX_LENGTH);
    }
    List<Node> nodes = text.codePoints().<Node>mapToObj(Node.Literal::new).toList();
    return new Regex(text, Compiler.compile(new Node.Row(nodes), new Parser(text)));
  }

  /** Takes parts of a text. */
  public interface Sink {

    /** The part {@code [from, to)}, which is a match or lies between matches. */
    void part(int from, int to, boolean match);
  }

  /**
   * Cuts {@code text[from, to)}, which is all that the expression sees, into matches and what lies between. An empty match right behind another
   * match is none.
   */
  public void split(Text text, int from, int to, Sink sink) {
    Search search = new Search(text, from, to, pattern);
    int done = from;
    int last = -1;
    int at = from;
    while (at <= to) {
      int end = search.match(program, at);
      if (end < 0 || end == at && at == last) {
        at++;
        continue;
      }
      if (done < at) {
        sink.part(done, at, false);
      }
      sink.part(at, end, true);
      done = end;
      last = end;
      at = end;
    }
    if (done < to) {
      sink.part(done, to, false);
    }
  }
}
