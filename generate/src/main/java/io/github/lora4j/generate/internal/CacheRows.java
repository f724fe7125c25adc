package io.github.lora4j.generate.internal;

import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.IntPredicate;

/** Which rows of the cache belong to whom: each sequence has a range of its own, from when it joins until it leaves. */
public final class CacheRows {

  private final int capacity;
  /** Length by first row. */
  private final TreeMap<Integer, Integer> taken = new TreeMap<>();

  /** An empty cache of so many rows. */
  public CacheRows(int capacity) {
    this.capacity = capacity;
  }

  /** Takes the first range that is free; empty if none is long enough. */
  public OptionalInt take(int rows) {
    OptionalInt first = find(rows, from -> false);
    first.ifPresent(from -> taken.put(from, rows));
    return first;
  }

  /** Whether so many rows are free side by side. */
  public boolean fits(int rows) {
    return fits(rows, from -> false);
  }

  /**
   * The same when ranges count as free.
   *
   * @param free which, by their first row
   */
  boolean fits(int rows, IntPredicate free) {
    return find(rows, free).isPresent();
  }

  /** Rows from the first of a range up to the next that does not count as free. */
  int room(int first, IntPredicate free) {
    return taken.tailMap(first, false).keySet().stream().filter(from -> !free.test(from)).findFirst().orElse(capacity) - first;
  }

  /** A range has other rows from now on; those behind it must be free. */
  void resize(int first, int rows) {
    taken.put(first, rows);
  }

  private OptionalInt find(int rows, IntPredicate free) {
    int from = 0;
    for (var range : taken.entrySet()) {
      if (free.test(range.getKey())) {
        continue;
      }
      if (range.getKey() - from >= rows) {
        break;
      }
      from = range.getKey() + range.getValue();
    }
    return capacity - from < rows ? OptionalInt.empty() : OptionalInt.of(from);
  }

  /** Gives a range back. */
  public void free(int first) {
    taken.remove(first);
  }

  /** Rows that nobody has. */
  public int free() {
    return capacity - taken.values().stream().mapToInt(Integer::intValue).sum();
  }
}
