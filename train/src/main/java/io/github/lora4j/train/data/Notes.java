package io.github.lora4j.train.data;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What is noticed in rows, each once with the number of rows. Not for several threads. */
public final class Notes {

  /** Notes of different rows may name different words; of the first ones there is something to learn. */
  private static final int MOST = 5;

  private final Map<String, Integer> rows = new LinkedHashMap<>();

  /** Notes something of a row. */
  public void add(String note) {
    if (rows.containsKey(note) || rows.size() < MOST) {
      rows.merge(note, 1, Integer::sum);
    }
  }

  /** The notes, with the number of rows each is of. */
  public List<String> all() {
    return rows.entrySet().stream().map(note -> "%s (%,d %s)".formatted(note.getKey(), note.getValue(), note.getValue() == 1 ? "row" : "rows")).toList();
  }
}
