package io.github.lora4j.models;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.PrefixTables;
import io.github.lora4j.graph.RowChoices;
import io.github.lora4j.graph.ScatterTables;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.VirtualTokens;
import io.github.lora4j.vector.ConfigException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Host side of {@link PackedInputs}: sequences are added until capacity, then written to an executable. Reused from batch to
 * batch; allocates only when made. Virtual tokens of the adapter precede every sequence; ranges, which are averaged, hold the text alone.
 */
public final class PackedBatch {

  private final PackedInputs in;
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
  private final RowChoices choices;
  private final int[] tokenChoices;
  private final int[] sequenceChoices;
  private boolean mixed;
  private final Map<Value, Optional<ScatterTables>> scatters = new HashMap<>();
  private final VirtualTokens virtual;
  private final int[] promptIds;
  private final Map<Value, int[]> segmentTables = new LinkedHashMap<>();
  private Optional<PrefixTables> prefix = Optional.empty();
  private int tokens;
  private int sequences;

  /** Makes an empty batch for these slots. */
  public PackedBatch(PackedInputs in) {
    this(in, VirtualTokens.NONE);
  }

  /** Makes an empty batch for these slots, in which virtual tokens precede every sequence. */
  public PackedBatch(PackedInputs in, VirtualTokens virtual) {
    this.in = in;
    this.virtual = virtual;
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
    choices = new RowChoices(in.tokens(), in.sequences());
    tokenChoices = new int[t];
    sequenceChoices = new int[s];
    promptIds = new int[t];
    segmentTables.put(in.segments(), segments);
    segmentTables.put(in.firstSegments(), firstSegments);
    segmentTables.put(in.lastSegments(), lastSegments);
  }

  /** Empties the batch. */
  public void clear() {
    tokens = 0;
    sequences = 0;
    mixed = false;
  }

  /** Whether a sequence of this length still fits. */
  public boolean fits(int length) {
    return sequences < in.sequences().capacity() && tokens + virtual.rows() + length <= in.tokens().capacity();
  }

  /** Tokens held, virtual ones included. */
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
    add(sequenceIds, sequenceTypes, example, 0);
  }

  /**
   * Appends a sequence that uses one of several adapters.
   *
   * @param choice which, see {@link RowChoices}
   */
  public void add(int[] sequenceIds, int[] sequenceTypes, int example, int choice) {
    add(sequenceIds, sequenceTypes, sequenceIds.length, example, choice);
  }

  /**
   * Appends a sequence of which only the first tokens are looked at. The rest is padding, which a batch does not need; some losses of Hugging
   * Face's see it.
   *
   * @param looked how many tokens are looked at
   */
  public void add(int[] sequenceIds, int[] sequenceTypes, int looked, int example, int choice) {
    int text = sequenceIds.length;
    if (looked < 1 || looked > text) {
      throw new ConfigException("example %d: %d of its %d tokens cannot be looked at".formatted(example, looked, text));
    }
    if (text == 0 || text > in.maxLength() - virtual.total()) {
      throw new ConfigException("example %d has %d tokens; between 1 and %d are allowed".formatted(example, text,
          in.maxLength() - virtual.total()));
    }
    if (!fits(text)) {
      throw new ConfigException("a batch of %d sequences and %d tokens has no room for %d more tokens (capacity %d sequences, %d tokens)"
          .formatted(sequences, tokens, text, in.sequences().capacity(), in.tokens().capacity()));
    }
    int before = virtual.rows();
    int length = before + text;
    int keys = before + looked;
    Arrays.fill(ids, tokens, tokens + before, -1);
    Arrays.fill(types, tokens, tokens + before, 0);
    System.arraycopy(sequenceIds, 0, ids, tokens + before, text);
    System.arraycopy(sequenceTypes, 0, types, tokens + before, text);
    Arrays.fill(firstInverse, tokens, tokens + length, -1);
    firstInverse[tokens] = sequences;
    Arrays.fill(lastInverse, tokens, tokens + length, -1);
    lastInverse[tokens + length - 1] = sequences;
    last[sequences] = tokens + length - 1;
    lastPositions[sequences] = in.firstPosition() + virtual.keys() + length - 1;
    for (int i = 0; i < length; i++) {
      positions[tokens + i] = in.firstPosition() + virtual.keys() + i;
      promptIds[tokens + i] = i < before ? i : -1;
      tokenKeys[2 * (tokens + i)] = example;
      tokenKeys[2 * (tokens + i) + 1] = i;
    }
    segment(segments, tokens, length, keys, 0);
    segment(firstSegments, sequences, 1, keys, 0);
    segment(lastSegments, sequences, 1, keys, length - 1);
    ranges[2 * sequences] = tokens + before;
    ranges[2 * sequences + 1] = text;
    first[sequences] = tokens;
    Arrays.fill(tokenChoices, tokens, tokens + length, choice);
    sequenceChoices[sequences] = choice;
    mixed |= choice != 0;
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
    choices.write(to, tokenChoices, tokens, sequenceChoices, sequences, mixed);
    to.program().slot(VirtualTokens.PROMPT_IDS).ifPresent(slot -> {
      to.write(slot, promptIds, tokens);
      scatter(to, slot, promptIds);
    });
    if (virtual.keys() > 0 && prefix.isEmpty()) {
      prefix = PrefixTables.of(to.program(), virtual.keys());
    }
    prefix.ifPresent(tables -> tables.write(to, sequences, segmentTables));
    scatter(to, in.ids(), ids);
    scatter(to, in.positions(), positions);
    scatter(to, in.types(), types);
    random[0] = (int) seed;
    random[1] = (int) (seed >>> 32);
    random[2] = step;
    to.write(in.random(), random, 3);
  }
}
