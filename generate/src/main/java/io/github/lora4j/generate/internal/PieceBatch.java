package io.github.lora4j.generate.internal;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.PrefixTables;
import io.github.lora4j.graph.RowChoices;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.VirtualTokens;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import org.jspecify.annotations.Nullable;

/** The host side of one run: pieces of sequences, each with its place in the cache. Allocates only when made. */
public final class PieceBatch {

  private final CacheProgram program;
  private final RowChoices choices;
  private final int firstPosition;
  private final int[] ids;
  private final int[] positions;
  private final int[] rows;
  private final int[] tokenChoices;
  private final int[] segments;
  private final int[] last;
  private final int[] lastPositions;
  private final int[] lastSegments;
  private final int[] pieceChoices;
  private final PackedInputs.@Nullable Source pieceSources;
  private final PackedInputs.@Nullable Source singleSources;
  private final VirtualTokens virtual;
  private final @Nullable PrefixTables prefix;
  private final @Nullable Value pieceParts;
  private final @Nullable Value singleParts;
  private final @Nullable Value partsOfLast;
  private final int[] parts;
  private final int[] lastParts;
  private final int maxLength;
  private final int[] promptIds;
  private final int[] firstRows;
  private final int[] dones;
  private boolean begins;
  private final int[] cross;
  private final int[] lastCross;
  private int tokens;
  private int pieces;
  private boolean mixed;

  /** An empty batch for a program. */
  public PieceBatch(CacheProgram program) {
    this.program = program;
    PackedInputs in = program.prefill().in();
    virtual = program.virtual();
    prefix = PrefixTables.of(program.program(), virtual.keys()).orElse(null);
    pieceSources = in.hasSource() ? in.source() : null;
    singleSources = in.hasSource() ? program.decode().in().source() : null;
    choices = in.hasSource() ? new RowChoices(in.tokens(), in.sequences(), in.source().axis()) : new RowChoices(in.tokens(), in.sequences());
    firstPosition = in.limits().firstPosition();
    int t = in.tokens().capacity();
    int s = in.sequences().capacity();
    ids = new int[t];
    positions = new int[t];
    rows = new int[t];
    tokenChoices = new int[t];
    segments = new int[5 * s];
    last = new int[s];
    lastPositions = new int[s];
    lastSegments = new int[5 * s];
    pieceChoices = new int[s];
    maxLength = in.maxLength();
    pieceParts = in.parts(Rows.ALL, program.program()).orElse(null);
    singleParts = program.decode().in().parts(Rows.ALL, program.program()).orElse(null);
    partsOfLast = in.parts(Rows.LAST, program.program()).orElse(null);
    parts = new int[t];
    lastParts = new int[s];
    promptIds = new int[t];
    firstRows = new int[s];
    dones = new int[s];
    cross = new int[5 * s];
    lastCross = new int[5 * s];
  }

  /** Empties it. */
  public void clear() {
    tokens = 0;
    pieces = 0;
    mixed = false;
    begins = false;
  }

  /** Tokens for which there is room. */
  public int room() {
    return ids.length - tokens;
  }

  /** Pieces held. */
  public int pieces() {
    return pieces;
  }

  /**
   * Appends tokens of a sequence, behind those that an adapter puts before it.
   *
   * @param sequence its tokens from the first one
   * @param done how many of both the cache has; keys alone, a prefix's, do not count
   * @param count how many follow now
   * @param cache the cache's first row that it has
   * @param choice the adapter
   */
  public void add(int[] sequence, int done, int count, int cache, int choice) {
    int before = virtual.keys() + done;
    for (int i = 0; i < count; i++) {
      int text = done + i - virtual.rows();
      ids[tokens + i] = text < 0 ? -1 : sequence[text];
      promptIds[tokens + i] = text < 0 ? done + i : -1;
      positions[tokens + i] = firstPosition + before + i;
      rows[tokens + i] = cache + before + i;
      tokenChoices[tokens + i] = choice;
    }
    begins |= done < virtual.rows() || virtual.keys() > 0 && done == 0;
    firstRows[pieces] = cache;
    dones[pieces] = done;
    int end = before + count;
    segment(segments, tokens, count, cache, end, before);
    segment(lastSegments, pieces, 1, cache, end, end - 1);
    last[pieces] = tokens + count - 1;
    lastPositions[pieces] = firstPosition + end - 1;
    pieceChoices[pieces] = choice;
    mixed |= choice != 0;
    tokens += count;
    pieces++;
  }

  /** Says that the piece added last is of a sequence beyond the border of lengths, or is not. */
  public void beyond(boolean is) {
    int more = is ? maxLength : 0;
    int from = segments[5 * (pieces - 1)];
    for (int i = from; i < tokens; i++) {
      parts[i] = positions[i] + more;
    }
    lastParts[pieces - 1] = lastPositions[pieces - 1] + more;
  }

  /** The rows of the cache that the piece added last sees of its source. */
  public void source(int firstRow, int length) {
    cross(segments, cross, firstRow, length);
    cross(lastSegments, lastCross, firstRow, length);
  }

  private void cross(int[] own, int[] table, int firstRow, int length) {
    int at = 5 * (pieces - 1);
    System.arraycopy(own, at, table, at, 2);
    table[at + 2] = firstRow;
    table[at + 3] = length;
    table[at + 4] = 0;
  }

  private void segment(int[] table, int queryStart, int queries, int keyStart, int keys, int offset) {
    int at = 5 * pieces;
    table[at] = queryStart;
    table[at + 1] = queries;
    table[at + 2] = keyStart;
    table[at + 3] = keys;
    table[at + 4] = offset;
  }

  private void lengths(Executable executable, boolean singles) {
    Value all = singles ? singleParts : pieceParts;
    if (all != null) {
      executable.write(all, parts, tokens);
    }
    if (!singles && partsOfLast != null) {
      executable.write(partsOfLast, lastParts, pieces);
    }
  }

  private void virtualTokens(Executable executable) {
    if (virtual.rows() > 0) {
      executable.write(executable.program().slot(VirtualTokens.PROMPT_IDS).orElseThrow(), promptIds, tokens);
    }
    if (prefix != null) {
      prefix.write(executable, pieces, segments, firstRows, dones, executable.program().slot(CacheProgram.PREFIXED_ROWS).orElseThrow());
    }
  }

  /** Writes the batch to the entry for it, runs that, and says which it was. */
  public CacheProgram.Entry run(Executable executable) {
    boolean singles = tokens == pieces && !begins;
    CacheProgram.Entry entry = singles ? program.decode() : program.prefill();
    PackedInputs in = entry.in();
    executable.rows(program.prefill().in().tokens(), tokens);
    executable.rows(in.sequences(), pieces);
    executable.write(in.ids(), ids, tokens);
    executable.write(in.positions(Rows.ALL), positions, tokens);
    executable.write(in.segments(Rows.ALL), segments, 5 * pieces);
    executable.write(entry.rows(), rows, tokens);
    if (!singles) {
      virtualTokens(executable);
      executable.write(in.last().rows(), last, pieces);
      executable.write(in.last().positions(), lastPositions, pieces);
      executable.write(in.last().segments(), lastSegments, 5 * pieces);
    }
    lengths(executable, singles);
    PackedInputs.Source sources = singles ? singleSources : pieceSources;
    if (sources != null) {
      executable.write(sources.cross(), cross, 5 * pieces);
      executable.write(sources.crossLast(), lastCross, 5 * pieces);
    }
    choices.write(executable, tokenChoices, tokens, pieceChoices, pieces, mixed);
    executable.run(entry.name());
    return entry;
  }
}
