package io.github.lora4j.train.data;

import java.util.Collection;
import java.util.stream.Collectors;

/** What comes from files, short enough for a message. */
public final class Shown {

  private static final int ITEMS = 20;
  private static final int CHARS = 60;

  private Shown() {}

  /** The first items of a list. */
  public static String list(Collection<String> items) {
    String first = items.stream().limit(ITEMS).map(Shown::text).collect(Collectors.joining(", ", "[", ""));
    return first + (items.size() > ITEMS ? ", and %,d more]".formatted(items.size() - ITEMS) : "]");
  }

  /** The beginning of a text. */
  public static String text(String text) {
    return text.length() <= CHARS ? text : text.substring(0, text.offsetByCodePoints(0, Math.min(CHARS, text.codePointCount(0, text.length())))) + "…";
  }
}
