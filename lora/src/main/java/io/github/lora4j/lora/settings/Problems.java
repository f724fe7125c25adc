package io.github.lora4j.lora.settings;

import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.List;

/** Collects everything that is wrong, so that the user is told all of it at once. */
public final class Problems {

  /** Nobody reads more of them at a time. */
  private static final int SHOWN = 50;

  private final List<String> found = new ArrayList<>();

  /** Notes one. */
  public void add(String message, Object... args) {
    found.add(args.length == 0 ? message : message.formatted(args));
  }

  /** Notes several. */
  public void addAll(List<String> problems) {
    found.addAll(problems);
  }

  /** What was found so far. */
  public List<String> list() {
    return List.copyOf(found);
  }

  /** Raises what was found, if anything was. */
  public void raise(String where) {
    if (!found.isEmpty()) {
      throw new ConfigException(where + ": " + text(found));
    }
  }

  /** One problem as itself, several as a list. */
  public static String text(List<String> problems) {
    return problems.size() == 1 ? problems.getFirst()
        : problems.size() + " problems:" + String.join("", problems.stream().limit(SHOWN).map(p -> "\n  - " + p).toList())
            + (problems.size() > SHOWN ? "\n  - … and " + (problems.size() - SHOWN) + " more" : "");
  }
}
