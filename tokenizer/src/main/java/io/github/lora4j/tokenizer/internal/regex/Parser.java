package io.github.lora4j.tokenizer.internal.regex;

import io.github.lora4j.vector.FormatException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** Reads a regular expression. */
final class Parser {

  private static final int MAX_DEPTH = 100;
  private static final int MAX_REPEAT = 1000;

  private final int[] source;
  private int at;
  private int depth;
  private boolean anyCase;
  private boolean dotAll;
  private boolean extended;

  Parser(String source) {
    this.source = source.codePoints().toArray();
  }

  Node parse() {
    Node node = choice();
    if (at < source.length) {
      throw broken("has a ) too many");
    }
    return node;
  }

  FormatException broken(String problem) {
    String text = new String(source, 0, Math.min(source.length, 200));
    return new FormatException("regular expression " + text + (source.length > 200 ? "..." : "") + " " + problem + " at character " + at);
  }

  private Node choice() {
    if (++depth > MAX_DEPTH) {
      throw broken("has groups nested deeper than " + MAX_DEPTH);
    }
    List<Node> nodes = new ArrayList<>(List.of(row()));
    while (take('|')) {
      nodes.add(row());
    }
    depth--;
    return nodes.size() == 1 ? nodes.getFirst() : new Node.Choice(List.copyOf(nodes));
  }

  private Node row() {
    List<Node> nodes = new ArrayList<>();
    while (at < source.length && source[at] != '|' && source[at] != ')') {
      if (extended && skipped()) {
        continue;
      }
      if (source[at] == '(' && next(1) == '?' && flags()) {
        // What is set holds to the end of the group, other alternatives included.
        nodes.add(choice());
        break;
      }
      nodes.add(repeated(atom()));
    }
    return nodes.size() == 1 ? nodes.getFirst() : new Node.Row(List.copyOf(nodes));
  }

  private boolean skipped() {
    if (source[at] == '#') {
      while (at < source.length && source[at] != '\n') {
        at++;
      }
      return true;
    }
    if (source[at] <= ' ') {
      at++;
      return true;
    }
    return false;
  }

  /** {@code (?i)} and the like, without a colon. */
  private boolean flags() {
    int end = at + 2;
    while (end < source.length && "imx-".indexOf(source[end]) >= 0) {
      end++;
    }
    if (end >= source.length || source[end] != ')' || end == at + 2) {
      return false;
    }
    at += 2;
    setFlags();
    at++;
    return true;
  }

  private void setFlags() {
    boolean on = true;
    for (; at < source.length && "imx-".indexOf(source[at]) >= 0; at++) {
      switch (source[at]) {
        case 'i' -> anyCase = on;
        case 'm' -> dotAll = on;
        case 'x' -> extended = on;
        default -> on = false;
      }
    }
  }

  private Node repeated(Node node) {
    Node result = node;
    while (at < source.length) {
      int start = at;
      int least;
      int most;
      boolean braces = false;
      if (take('*')) {
        least = 0;
        most = -1;
      } else if (take('+')) {
        least = 1;
        most = -1;
      } else if (take('?')) {
        least = 0;
        most = 1;
      } else if (source[at] == '{') {
        int[] range = range();
        if (range.length == 0) {
          return result;
        }
        least = range[0];
        most = range[1];
        braces = true;
      } else {
        return result;
      }
      if (result instanceof Node.Place || result instanceof Node.Look) {
        at = start;
        throw broken("repeats what takes no text");
      }
      Node.Mode mode = take('?') ? Node.Mode.LAZY : !braces && take('+') ? Node.Mode.POSSESSIVE : Node.Mode.GREEDY;
      if (braces && mode == Node.Mode.LAZY && least == most) {
        throw broken("has {n}?, which engines read in different ways");
      }
      result = mode == Node.Mode.POSSESSIVE ? new Node.Atomic(new Node.Repeat(result, least, most, Node.Mode.GREEDY))
          : new Node.Repeat(result, least, most, mode);
    }
    return result;
  }

  /** {@code {n}}, {@code {n,}}, {@code {,m}}, {@code {n,m}}; empty if it is none, and the brace a character. */
  private int[] range() {
    int end = at + 1;
    while (end < source.length && (source[end] >= '0' && source[end] <= '9' || source[end] == ',')) {
      end++;
    }
    String inside = new String(source, at + 1, end - at - 1);
    if (end >= source.length || source[end] != '}' || !inside.matches("[0-9]+(,[0-9]*)?|,[0-9]+")) {
      return new int[0];
    }
    String[] ends = inside.split(",", -1);
    if (ends[0].length() > 6 || ends[ends.length - 1].length() > 6) {
      throw broken("repeats more than " + MAX_REPEAT + " times");
    }
    int least = ends[0].isEmpty() ? 0 : Integer.parseInt(ends[0]);
    int most = ends[ends.length - 1].isEmpty() ? -1 : Integer.parseInt(ends[ends.length - 1]);
    if (least > MAX_REPEAT || most > MAX_REPEAT || most >= 0 && most < least) {
      throw broken("repeats from " + least + " to " + most + ", expected an order and at most " + MAX_REPEAT);
    }
    at = end + 1;
    return new int[] {least, most};
  }

  private Node atom() {
    int c = source[at++];
    return switch (c) {
      case '(' -> group();
      case '[' -> new Node.One(new SetParser(this).set());
      case '.' -> new Node.One(dotAll ? Sets.of(0, 0x10FFFF) : Sets.not(Sets.of('\n', '\n')));
      case '^' -> new Node.Place(Node.Kind.LINE_START);
      case '$' -> new Node.Place(Node.Kind.LINE_END);
      case '\\' -> escape();
      case '*', '+', '?' -> {
        at--;
        throw broken("repeats nothing");
      }
      default -> anyCase ? one(Sets.of(c, c)) : new Node.Literal(c);
    };
  }

  private Node one(BitSet set) {
    return new Node.One(anyCase(set));
  }

  /** The set, and where case does not count what differs in case alone. */
  BitSet anyCase(BitSet set) {
    return anyCase ? Sets.anyCase(set) : set;
  }

  private Node group() {
    boolean outerCase = anyCase;
    boolean outerDot = dotAll;
    boolean outerExtended = extended;
    Node node;
    if (!take('?')) {
      node = choice();
    } else if (take(':')) {
      node = choice();
    } else if (take('=')) {
      node = new Node.Look(choice(), false, false);
    } else if (take('!')) {
      node = new Node.Look(choice(), false, true);
    } else if (take('>')) {
      node = new Node.Atomic(choice());
    } else if (take('<')) {
      boolean equal = take('=');
      if (equal || take('!')) {
        node = new Node.Look(choice(), true, !equal);
      } else {
        while (at < source.length && source[at] != '>') {
          at++;
        }
        at++;
        node = choice();
      }
    } else {
      int start = at;
      setFlags();
      if (at == start || !take(':')) {
        throw broken("has a group of an unknown kind");
      }
      node = choice();
    }
    if (!take(')')) {
      throw broken("has a ( without its )");
    }
    anyCase = outerCase;
    dotAll = outerDot;
    extended = outerExtended;
    return node;
  }

  private Node escape() {
    int c = next(0);
    Node.Kind place = switch (c) {
      case 'b' -> Node.Kind.WORD_EDGE;
      case 'B' -> Node.Kind.NO_WORD_EDGE;
      case 'A' -> Node.Kind.TEXT_START;
      case 'z' -> Node.Kind.TEXT_END;
      case 'Z' -> Node.Kind.TEXT_END_OR_LAST_LINE;
      default -> null;
    };
    if (place != null) {
      at++;
      return new Node.Place(place);
    }
    return one(new SetParser(this).escaped());
  }

  boolean take(int c) {
    if (at < source.length && source[at] == c) {
      at++;
      return true;
    }
    return false;
  }

  /** The code point so many on, or -1. */
  int next(int ahead) {
    return at + ahead < source.length ? source[at + ahead] : -1;
  }

  /** Takes the next code point. */
  int take() {
    if (at >= source.length) {
      throw broken("ends too soon");
    }
    return source[at++];
  }
}
