package io.github.lora4j.generate.text;

import java.util.List;

/**
 * Finds the first of several texts in one that comes in pieces. What may still become one of them is held back, so that no part of a stop string is
 * ever given out; where one is the beginning of another, the shorter one ends first.
 */
public final class StopStrings {

  private final List<String> stops;
  private final StringBuilder held = new StringBuilder();
  private boolean found;

  /** Looks for these texts, none of them empty. */
  public StopStrings(List<String> stops) {
    this.stops = List.copyOf(stops);
  }

  /**
   * Takes a piece.
   *
   * @return the text that is certain not to be part of a stop string
   */
  public String next(String piece) {
    if (found) {
      return "";
    }
    held.append(piece);
    int end = Integer.MAX_VALUE;
    int start = 0;
    for (String stop : stops) {
      int at = held.indexOf(stop);
      if (at >= 0 && (at + stop.length() < end || at + stop.length() == end && at < start)) {
        end = at + stop.length();
        start = at;
      }
    }
    found = end < Integer.MAX_VALUE;
    int certain = found ? start : held.length() - beginning();
    String text = held.substring(0, certain);
    held.delete(0, found ? held.length() : certain);
    return text;
  }

  /** How many of the last characters held are the beginning of a stop string. */
  private int beginning() {
    int longest = 0;
    for (String stop : stops) {
      for (int n = Math.min(stop.length() - 1, held.length()); n > longest; n--) {
        if (stop.startsWith(held.substring(held.length() - n))) {
          longest = n;
        }
      }
    }
    return longest;
  }

  /** The rest, when nothing follows. */
  public String finish() {
    String rest = held.toString();
    held.setLength(0);
    return rest;
  }

  /** Whether one was found. */
  public boolean found() {
    return found;
  }
}
