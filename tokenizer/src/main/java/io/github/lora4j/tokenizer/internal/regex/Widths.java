package io.github.lora4j.tokenizer.internal.regex;

import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** How many code points a node takes, and which can be the first. */
final class Widths {

  private static final int MAX_BEHIND = 255;

  private Widths() {}

  static int least(Node node) {
    return switch (node) {
      case Node.Row row -> row.nodes().stream().mapToInt(Widths::least).sum();
      case Node.Choice choice -> choice.nodes().stream().mapToInt(Widths::least).min().orElse(0);
      case Node.Literal _, Node.One _ -> 1;
      case Node.Repeat repeat -> Math.min(MAX_BEHIND + 1, repeat.least() * least(repeat.node()));
      case Node.Atomic atomic -> least(atomic.node());
      case Node.Look _, Node.Place _ -> 0;
    };
  }

  /** −1: without a bound, or more than 255. */
  static int most(Node node) {
    int most = switch (node) {
      case Node.Row row -> row.nodes().stream().mapToInt(Widths::most).reduce(0, (x, y) -> x < 0 || y < 0 ? -1 : x + y);
      case Node.Choice choice -> choice.nodes().stream().mapToInt(Widths::most).reduce(0, (x, y) -> x < 0 || y < 0 ? -1 : Math.max(x, y));
      case Node.Literal _, Node.One _ -> 1;
      case Node.Repeat repeat -> repeat.most() < 0 || most(repeat.node()) < 0 ? -1 : repeat.most() * most(repeat.node());
      case Node.Atomic atomic -> most(atomic.node());
      case Node.Look _, Node.Place _ -> 0;
    };
    return most > MAX_BEHIND ? -1 : most;
  }

  /** What a match begins with; null if it can be empty. */
  static @Nullable BitSet first(Node node) {
    BitSet set = new BitSet();
    return first(node, set) ? null : set;
  }

  /** Adds what a match begins with; whether it can be empty. */
  private static boolean first(Node node, BitSet into) {
    switch (node) {
      case Node.Row row -> {
        return row.nodes().stream().allMatch(each -> first(each, into));
      }
      case Node.Choice choice -> {
        boolean empty = false;
        for (Node each : choice.nodes()) {
          empty |= first(each, into);
        }
        return empty;
      }
      case Node.Literal literal -> {
        into.set(literal.c());
        return false;
      }
      case Node.One one -> {
        into.or(one.set());
        return false;
      }
      case Node.Repeat repeat -> {
        return first(repeat.node(), into) || repeat.least() == 0;
      }
      case Node.Atomic atomic -> {
        return first(atomic.node(), into);
      }
      case Node.Look _, Node.Place _ -> {
        return true;
      }
    }
  }
}
