package io.github.lora4j.tokenizer.internal.regex;

import java.util.BitSet;

/** Reads sets of code points: {@code [...]} with ranges, sets within, and {@code &&}; and escapes that stand for one or a set. */
final class SetParser {

  private static final int MAX_DEPTH = 20;

  private final Parser in;
  private int depth;

  SetParser(Parser in) {
    this.in = in;
  }

  /** A set behind its opening bracket. */
  BitSet set() {
    if (++depth > MAX_DEPTH) {
      throw in.broken("has sets nested deeper than " + MAX_DEPTH);
    }
    boolean negative = in.take('^');
    BitSet all = null;
    BitSet set = new BitSet();
    boolean first = true;
    while (first || in.next(0) != ']') {
      if (in.next(0) == '&' && in.next(1) == '&') {
        in.take();
        in.take();
        all = and(all, set);
        set = new BitSet();
      } else {
        item(set);
      }
      first = false;
    }
    in.take();
    depth--;
    // What a negated set leaves out, it leaves out in any case.
    set = in.anyCase(and(all, set));
    return negative ? Sets.not(set) : set;
  }

  private static BitSet and(@org.jspecify.annotations.Nullable BitSet before, BitSet set) {
    if (before != null) {
      set.and(before);
    }
    return set;
  }

  private void item(BitSet into) {
    if (in.next(0) == '[') {
      in.take();
      into.or(in.next(0) == ':' ? posix() : set());
      return;
    }
    BitSet first = in.next(0) == '\\' ? escape() : single(in.take());
    if (in.next(0) != '-' || in.next(1) == ']' || in.next(1) == -1 || first.cardinality() != 1) {
      into.or(first);
      return;
    }
    in.take();
    BitSet last = in.next(0) == '\\' ? escape() : single(in.take());
    int from = first.nextSetBit(0);
    int to = last.nextSetBit(0);
    if (last.cardinality() != 1 || to < from) {
      throw in.broken("has a range that does not go up");
    }
    into.set(from, to + 1);
  }

  private BitSet posix() {
    in.take();
    boolean negative = in.take('^');
    BitSet set = in.next(0) == 'w' ? wordProperty() : in.next(0) == 'p' && in.next(1) == 'u' ? punctuation() : property(':');
    if (!in.take(']')) {
      throw in.broken("has a [: without its :]");
    }
    return negative ? Sets.not(set) : set;
  }

  private BitSet wordProperty() {
    property(':');
    return Sets.wordInSet();
  }

  /** In brackets it has all symbols, too. */
  private BitSet punctuation() {
    BitSet set = property(':');
    set.or(Sets.property("S").orElseThrow());
    return set;
  }

  private static BitSet single(int c) {
    return Sets.of(c, c);
  }

  private BitSet escape() {
    in.take();
    if (in.take('b')) {
      return single('\b');
    }
    return in.take('w') ? Sets.wordInSet() : in.take('W') ? Sets.not(Sets.wordInSet()) : escaped();
  }

  /** What an escape stands for, behind its backslash. */
  BitSet escaped() {
    int c = in.take();
    return switch (c) {
      case 'd' -> Sets.digits();
      case 'D' -> Sets.not(Sets.digits());
      case 's' -> Sets.spaces();
      case 'S' -> Sets.not(Sets.spaces());
      case 'w' -> Sets.word();
      case 'W' -> Sets.not(Sets.word());
      case 'h' -> Sets.hexadecimal();
      case 'H' -> Sets.not(Sets.hexadecimal());
      case 'n' -> single('\n');
      case 't' -> single('\t');
      case 'r' -> single('\r');
      case 'f' -> single('\f');
      case 'v' -> single(0x0B);
      case 'a' -> single(0x07);
      case 'e' -> single(0x1B);
      case '0' -> single(0);
      case 'x' -> single(in.take('{') ? number(8, '}') : number(2, -1));
      case 'u' -> single(number(4, -1));
      case 'p', 'P' -> {
        if (!in.take('{')) {
          throw in.broken("has \\p without {name}");
        }
        boolean negative = c == 'P' ^ in.take('^');
        BitSet set = property('}');
        yield negative ? Sets.not(set) : set;
      }
      default -> {
        if (Character.isLetterOrDigit(c)) {
          throw in.broken("has \\" + Character.toString(c) + ", which is not supported");
        }
        yield single(c);
      }
    };
  }

  private BitSet property(int end) {
    StringBuilder name = new StringBuilder();
    for (int c = in.take(); c != end; c = in.take()) {
      name.appendCodePoint(c);
      if (name.length() > 100) {
        throw in.broken("has a property without its end");
      }
    }
    return Sets.property(name.toString()).orElseThrow(() -> in.broken("names the property " + name + ", which is not known"));
  }

  private int number(int most, int end) {
    int value = 0;
    int digits = 0;
    while (digits < most && Character.digit(in.next(0), 16) >= 0) {
      value = value << 4 | Character.digit(in.take(), 16);
      digits++;
    }
    if (digits == 0 || value < 0 || value > 0x10FFFF || end >= 0 && !in.take(end)) {
      throw in.broken("has an escape that is no code point");
    }
    return value;
  }
}
