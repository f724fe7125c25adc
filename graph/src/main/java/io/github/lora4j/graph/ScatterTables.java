package io.github.lora4j.graph;

import java.util.Arrays;
import java.util.Optional;

/**
 * Host side of {@link ProgramBuilder#scatterIndex}: which rows each id was read by. Ids are sorted with their rows, so sums over rows have one
 * order whatever runs them. Reused from batch to batch; allocates only when made.
 */
public final class ScatterTables {

  private final Value ids;
  private final Value unique;
  private final Value starts;
  private final Value order;
  private final long[] sorted;
  private final int[] uniqueIds;
  private final int[] startOf;
  private final int[] rows;
  private final int padding;

  private ScatterTables(Program program, Value ids, Value unique, int padding) {
    this.padding = padding;
    this.ids = ids;
    this.unique = unique;
    starts = program.slot(ids.name() + ".starts").orElseThrow();
    order = program.slot(ids.name() + ".order").orElseThrow();
    int n = ids.shape().rows();
    sorted = new long[n];
    uniqueIds = new int[n];
    startOf = new int[n + 1];
    rows = new int[n];
  }

  /** The tables of these ids, if a table that they read trains in this program. */
  public static Optional<ScatterTables> of(Program program, Value ids) {
    return of(program, ids, -1);
  }

  /**
   * The same for tables with a padding entry, which learns nothing (torch's padding_idx).
   *
   * @param padding its id; −1 for none
   */
  public static Optional<ScatterTables> of(Program program, Value ids, int padding) {
    return program.slot(ids.name() + ".unique").map(unique -> new ScatterTables(program, ids, unique, padding));
  }

  /** Writes the inverse of the first {@code length} of these ids; an id of −1 is read by nobody. */
  public void write(Executable to, int[] values, int length) {
    int n = 0;
    for (int i = 0; i < length; i++) {
      if (values[i] >= 0 && values[i] != padding) {
        sorted[n++] = (long) values[i] << 32 | i;
      }
    }
    Arrays.sort(sorted, 0, n);
    int distinct = 0;
    for (int j = 0; j < n; j++) {
      int id = (int) (sorted[j] >> 32);
      rows[j] = (int) sorted[j];
      if (distinct == 0 || uniqueIds[distinct - 1] != id) {
        uniqueIds[distinct] = id;
        startOf[distinct++] = j;
      }
    }
    startOf[distinct] = n;
    to.rows(unique.shape().axis().orElseThrow(() -> new IllegalStateException(ids + " has a scatter index of fixed rows")), distinct);
    to.write(unique, uniqueIds, distinct);
    to.write(starts, startOf, distinct + 1);
    to.write(order, rows, n);
  }
}
