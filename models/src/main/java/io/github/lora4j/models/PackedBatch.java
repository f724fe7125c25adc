package io.github.lora4j.models;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.ScatterTables;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.ConfigException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Host side of {@link EncoderInputs}: sequences are added until capacity, then written to an executable. Reused from batch to
 * batch; allocates only when made.
 */
public final class PackedBatch {

  private final EncoderInputs in;
  private final int[] ids;
  private final int[] positions;
  private final int[] types;
  private final int[] segments;
  private final int[] ranges;
  private final int[] first;
  private final int[] firstInverse;
  private final int[] firstSegments;
  private final int[] last;
  private final int[] lastInverse;
  private final int[] lastPositions;
  private final int[] lastSegments;
  private final int[] tokenKeys;
  private final int[] sequenceKeys;
  private final int[] random = new int[3];
  private final Map<Value, Optional<ScatterTables>> scatters = new HashMap<>();
  private int tokens;
  private int sequences;

  /** Makes an empty batch for these slots. */
  public PackedBatch(EncoderInputs in) {
    this.in = in;
    int t = in.tokens().capacity();
    int s = in.sequences().capacity();
    ids = new int[t];
    positions = new int[t];
    types = new int[t];
    firstInverse = new int[t];
    tokenKeys = new int[2 * t];
    segments = new int[5 * s];
    firstSegments = new int[5 * s];
    last = new int[s];
    lastInverse = new int[t];
    lastPositions = new int[s];
    lastSegments = new int[5 * s];
    ranges = new int[2 * s];
    first = new int[s];
    sequenceKeys = new int[2 * s];
  }

  /** Empties the batch. */
  public void clear() {
    tokens = 0;
    sequences = 0;
  }

  /** Whether a sequence of this length still fits. */
  public boolean fits(int length) {
    return sequences < in.sequences().capacity() && tokens + length <= in.tokens().capacity();
  }

  /** Tokens held. */
  public int tokens() {
    return tokens;
  }

  /** Sequences held. */
  public int sequences() {
    return sequences;
  }

  /**
   * Appends a sequence.
   *
   * @param example ordinal of the example in its data set, the key of its dropout masks
   */
  public void add(int[] sequenceIds, int[] sequenceTypes, int example) {
    add(sequenceIds, sequenceTypes, sequenceIds.length, example);
  }

  /**
   * Appends a sequence of which only the first tokens are looked at. The rest is padding, which a batch does not need; some losses of Hugging
   * Face's see it.
   *
   * @param keys how many tokens are looked at
   */
  public void add(int[] sequenceIds, int[] sequenceTypes, int keys, int example) {
    int length = sequenceIds.length;
    if (keys < 1 || keys > length) {
      throw new ConfigException("example %d: %d of its %d tokens cannot be looked at".formatted(example, keys, length));
    }
    if (length == 0 || length > in.maxLength()) {
      throw new ConfigException("example %d has %d tokens; between 1 and %d are allowed".formatted(example, length, in.maxLength()));
    }
    if (!fits(length)) {
      throw new ConfigException("a batch of %d sequences and %d tokens has no room for %d more tokens (capacity %d sequences, %d tokens)"
          .formatted(sequences, tokens, length, in.sequences().capacity(), in.tokens().capacity()));
    }
    System.arraycopy(sequenceIds, 0, ids, tokens, length);
    System.arraycopy(sequenceTypes, 0, types, tokens, length);
    Arrays.fill(firstInverse, tokens, tokens + length, -1);
    firstInverse[tokens] = sequences;
    Arrays.fill(lastInverse, tokens, tokens + length, -1);
    lastInverse[tokens + length - 1] = sequences;
    last[sequences] = tokens + length - 1;
    lastPositions[sequences] = in.firstPosition() + length - 1;
    for (int i = 0; i < length; i++) {
      positions[tokens + i] = in.firstPosition() + i;
      tokenKeys[2 * (tokens + i)] = example;
      tokenKeys[2 * (tokens + i) + 1] = i;
    }
    segment(segments, tokens, length, keys, 0);
    segment(firstSegments, sequences, 1, keys, 0);
    segment(lastSegments, sequences, 1, keys, length - 1);
    ranges[2 * sequences] = tokens;
    ranges[2 * sequences + 1] = length;
    first[sequences] = tokens;
    sequenceKeys[2 * sequences] = example;
    sequenceKeys[2 * sequences + 1] = 0;
    tokens += length;
    sequences++;
  }

  private void segment(int[] table, int queryStart, int queryLength, int keyLength, int offset) {
    int at = 5 * sequences;
    table[at] = queryStart;
    table[at + 1] = queryLength;
    table[at + 2] = tokens;
    table[at + 3] = keyLength;
    table[at + 4] = offset;
  }

  private void scatter(Executable to, Value slot, int[] values) {
    scatters.computeIfAbsent(slot, s -> ScatterTables.of(to.program(), s)).ifPresent(tables -> tables.write(to, values, tokens));
  }

  /** Writes the batch and its live counts. */
  public void write(Executable to, long seed, int step) {
    to.rows(in.tokens(), tokens);
    to.rows(in.sequences(), sequences);
    to.write(in.ids(), ids, tokens);
    to.write(in.positions(), positions, tokens);
    to.write(in.types(), types, tokens);
    to.write(in.segments(), segments, 5 * sequences);
    to.write(in.ranges(), ranges, 2 * sequences);
    to.write(in.first(), first, sequences);
    to.write(in.firstInverse(), firstInverse, tokens);
    to.write(in.firstSegments(), firstSegments, 5 * sequences);
    to.write(in.last(), last, sequences);
    to.write(in.lastInverse(), lastInverse, tokens);
    to.write(in.lastPositions(), lastPositions, sequences);
    to.write(in.lastSegments(), lastSegments, 5 * sequences);
    to.write(in.tokenKeys(), tokenKeys, 2 * tokens);
    to.write(in.sequenceKeys(), sequenceKeys, 2 * sequences);
    scatter(to, in.ids(), ids);
    scatter(to, in.positions(), positions);
    scatter(to, in.types(), types);
    random[0] = (int) seed;
    random[1] = (int) (seed >>> 32);
    random[2] = step;
    to.write(in.random(), random, 3);
  }
}
