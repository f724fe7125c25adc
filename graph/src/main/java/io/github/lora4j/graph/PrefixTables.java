package io.github.lora4j.graph;

import java.util.Map;
import java.util.Optional;

/**
 * Host side of {@link VirtualTokens#prepend}: every sequence's keys lie behind the prefix, on an axis of their own. Reused from batch to
 * batch; allocates only when made.
 */
public final class PrefixTables {

  private final int prefix;
  private final Value tokens;
  private final Value ids;
  private final Value inverse;
  private final int[] tokenOf;
  private final int[] idOf;
  private final int[] cacheOf;
  private final int[] rowOf;
  private final int[] segments;
  private final Optional<ScatterTables> scatter;

  private PrefixTables(Program program, int prefix, Value tokens) {
    this.prefix = prefix;
    this.tokens = tokens;
    ids = program.slot(VirtualTokens.KEY_IDS).orElseThrow();
    inverse = program.slot(VirtualTokens.INVERSE).orElseThrow();
    tokenOf = new int[tokens.shape().rows()];
    idOf = new int[tokens.shape().rows()];
    cacheOf = new int[tokens.shape().rows()];
    rowOf = new int[inverse.shape().rows()];
    segments = new int[5 * rowOf.length];
    scatter = ScatterTables.of(program, ids);
  }

  /** The tables, if the program has a prefix. */
  public static Optional<PrefixTables> of(Program program, int prefix) {
    return program.slot(VirtualTokens.KEY_TOKENS).map(tokens -> new PrefixTables(program, prefix, tokens));
  }

  /**
   * Writes the tables of pieces of sequences whose keys go to a cache: those that begin a sequence alone have the prefix.
   *
   * @param pieces how many there are
   * @param table (queryStart, queryLength, ...) of each piece, five numbers
   * @param firstRows the cache's row of each sequence's prefix
   * @param done tokens of each sequence that the cache has
   * @param cacheRows slot of the cache's row of each key, the prefix included
   */
  public void write(Executable to, int pieces, int[] table, int[] firstRows, int[] done, Value cacheRows) {
    int rows = 0;
    int texts = 0;
    for (int p = 0; p < pieces; p++) {
      for (int i = 0; i < prefix && done[p] == 0; i++) {
        tokenOf[rows] = -1;
        idOf[rows] = i;
        cacheOf[rows++] = firstRows[p] + i;
      }
      for (int i = 0; i < table[5 * p + 1]; i++) {
        int token = table[5 * p] + i;
        rowOf[token] = rows;
        tokenOf[rows] = token;
        idOf[rows] = -1;
        cacheOf[rows++] = firstRows[p] + prefix + done[p] + i;
        texts++;
      }
    }
    to.rows(tokens.shape().axis().orElseThrow(), rows);
    to.write(tokens, tokenOf, rows);
    to.write(ids, idOf, rows);
    to.write(inverse, rowOf, texts);
    to.write(cacheRows, cacheOf, rows);
  }

  /**
   * Writes the tables of a batch.
   *
   * @param sequences how many there are
   * @param tables segment tables of the batch without a prefix: (queryStart, queryLength, keyStart, keyLength, offset) of each sequence;
   *     the keys of all lie one after another
   */
  public void write(Executable to, int sequences, Map<Value, int[]> tables) {
    int rows = 0;
    int[] any = tables.values().iterator().next();
    for (int s = 0; s < sequences; s++) {
      int start = any[5 * s + 2];
      int length = any[5 * s + 3];
      for (int i = 0; i < prefix + length; i++) {
        tokenOf[rows + i] = i < prefix ? -1 : start + i - prefix;
        idOf[rows + i] = i < prefix ? i : -1;
      }
      for (int i = 0; i < length; i++) {
        rowOf[start + i] = rows + prefix + i;
      }
      rows += prefix + length;
    }
    to.rows(tokens.shape().axis().orElseThrow(), rows);
    to.write(tokens, tokenOf, rows);
    to.write(ids, idOf, rows);
    to.write(inverse, rowOf, rows - prefix * sequences);
    int live = rows;
    scatter.ifPresent(s -> s.write(to, idOf, live));
    tables.forEach((slot, table) -> to.program().slot(slot.name() + VirtualTokens.SEGMENTS).ifPresent(prefixed -> {
      for (int s = 0; s < sequences; s++) {
        System.arraycopy(table, 5 * s, segments, 5 * s, 5);
        segments[5 * s + 2] += prefix * s;
        segments[5 * s + 3] += prefix;
        segments[5 * s + 4] += prefix;
      }
      to.write(prefixed, segments, 5 * sequences);
    }));
  }
}
