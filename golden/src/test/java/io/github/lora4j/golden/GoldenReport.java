package io.github.lora4j.golden;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestPlan;

/**
 * What became of every golden case, printed when all tests have run: for each folder one line {@code golden FOLDER: N of M cases compared},
 * then the reasons of the rest. A case that several tests or backends look at counts as compared when one of them compared it and none left
 * any of it out.
 */
public final class GoldenReport implements TestExecutionListener {

  private static final Map<String, Map<String, Case>> FOLDERS = new TreeMap<>();

  private static final Map<String, String> EMPTY = new TreeMap<>();

  /** What the reason of a case that was compared and differs begins with. */
  static final String FAILED = "FAILED: ";

  private static final class Case {
    private boolean compared;
    private final Map<String, Set<String>> reasons = new LinkedHashMap<>();
  }

  /** A case is there, whatever becomes of it. */
  static synchronized void found(String folder, String name) {
    of(folder, name);
  }

  /** A folder is there, and no case in it, for this reason. */
  static synchronized void empty(String folder, String reason) {
    FOLDERS.computeIfAbsent(folder, _ -> new TreeMap<>());
    EMPTY.put(folder, reason);
  }

  /** A test compared it. */
  static synchronized void compared(String folder, String name) {
    of(folder, name).compared = true;
  }

  /** It, or a part of it, was not compared. */
  static synchronized void left(String folder, String name, String part, String reason) {
    of(folder, name).reasons.computeIfAbsent(reason, _ -> new LinkedHashSet<>()).add(part);
  }

  private static Case of(String folder, String name) {
    return FOLDERS.computeIfAbsent(folder, _ -> new TreeMap<>()).computeIfAbsent(name, _ -> new Case());
  }

  /** The lines. */
  static synchronized List<String> lines() {
    List<String> lines = new ArrayList<>();
    FOLDERS.forEach((folder, cases) -> {
      long compared = cases.values().stream().filter(c -> c.compared && c.reasons.isEmpty()).count();
      lines.add("golden %s: %d of %d cases compared".formatted(folder, compared, cases.size()));
      if (cases.isEmpty()) {
        lines.add("  " + EMPTY.get(folder));
      }
      Map<String, List<String>> rest = new LinkedHashMap<>();
      cases.forEach((name, c) -> c.reasons.forEach((reason, parts) -> rest.computeIfAbsent(reason, _ -> new ArrayList<>())
          .add(reason.startsWith(FAILED) && !parts.contains("") ? "%s (%s)".formatted(name, String.join(", ", parts)) : name)));
      rest.forEach((reason, names) -> lines.add("  %s: %s".formatted(String.join(", ", names), reason)));
    });
    return lines;
  }

  @Override
  public void testPlanExecutionFinished(TestPlan plan) {
    lines().forEach(System.out::println);
  }
}
