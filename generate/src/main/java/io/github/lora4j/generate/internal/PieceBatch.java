package io.github.lora4j.generate.internal;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.RowChoices;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import java.util.Optional;

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
  private final Optional<PackedInputs.Source> pieceSources;
  private final Optional<PackedInputs.Source> singleSources;
  private final int[] cross;
  private final int[] lastCross;
  private int tokens;
  private int pieces;
  private boolean mixed;

  /** An empty batch for a program. */
  public PieceBatch(CacheProgram program) {
    this.program = program;
    PackedInputs in = program.prefill().in();
    pieceSources = in.hasSource() ? Optional.of(in.source()) : Optional.empty();
    singleSources = in.hasSource() ? Optional.of(program.decode().in().source()) : Optional.empty();
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
    cross = new int[5 * s];
    lastCross = new int[5 * s];
  }

  /** Empties it. */
  public void clear() {
    tokens = 0;
    pieces = 0;
    mixed = false;
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
   * Appends tokens of a sequence.
   *
   * @param sequence its tokens from the first one
   * @param done how many of them the cache has
   * @param count how many follow now
   * @param cache the cache's row of its first token
   * @param choice the adapter
   */
  public void add(int[] sequence, int done, int count, int cache, int choice) {
    for (int i = 0; i < count; i++) {
      ids[tokens + i] = sequence[done + i];
      positions[tokens + i] = firstPosition + done + i;
      rows[tokens + i] = cache + done + i;
      tokenChoices[tokens + i] = choice;
    }
    int end = done + count;
    segment(segments, tokens, count, cache, end, done);
    segment(lastSegments, pieces, 1, cache, end, end - 1);
    last[pieces] = tokens + count - 1;
    lastPositions[pieces] = firstPosition + end - 1;
    pieceChoices[pieces] = choice;
    mixed |= choice != 0;
    tokens += count;
    pieces++;
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

  /** Writes the batch to the entry for it, runs that, and says which it was. */
  public CacheProgram.Entry run(Executable executable) {
    CacheProgram.Entry entry = tokens == pieces ? program.decode() : program.prefill();
    PackedInputs in = entry.in();
    executable.rows(program.prefill().in().tokens(), tokens);
    executable.rows(in.sequences(), pieces);
    executable.write(in.ids(), ids, tokens);
    executable.write(in.positions(Rows.ALL), positions, tokens);
    executable.write(in.segments(Rows.ALL), segments, 5 * pieces);
    executable.write(entry.rows(), rows, tokens);
    if (tokens > pieces) {
      executable.write(in.last().rows(), last, pieces);
      executable.write(in.last().positions(), lastPositions, pieces);
      executable.write(in.last().segments(), lastSegments, 5 * pieces);
    }
    Optional<PackedInputs.Source> sources = tokens > pieces ? pieceSources : singleSources;
    if (sources.isPresent()) {
      executable.write(sources.get().cross(), cross, 5 * pieces);
      executable.write(sources.get().crossLast(), lastCross, 5 * pieces);
    }
    choices.write(executable, tokenChoices, tokens, pieceChoices, pieces, mixed);
    executable.run(entry.name());
    return entry;
  }
}
