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
  private final int[] lengths;
  private final int[] segments;
  private final int[] ranges;
  private final int[] first;
  private final int[] firstInverse;
  private final int[] firstPositions;
  private final int[] firstSegments;
  private final int[] last;
  private final int[] lastInverse;
  private final int[] lastPositions;
  private final int[] lastSegments;
  private final int[] tokenKeys;
  private final int[] sequenceKeys;
  private final int[] random = new int[3];
  private final RowChoices choices;
  private final AskedTables asked = new AskedTables();
  private final int[] tokenChoices;
  private final int[] sequenceChoices;
  private boolean mixed;
  private final Map<Value, Optional<ScatterTables>> scatters = new HashMap<>();
  private final VirtualTokens virtual;
  private final int[] promptIds;
  private final Map<Value, int[]> segmentTables = new LinkedHashMap<>();
  private Optional<PrefixTables> prefix = Optional.empty();
  private final Map<Value, float[]> byLength = new LinkedHashMap<>();
  private final int[] rows;
  private final Optional<SourceBatch> sources;
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
    lengths = new int[t];
    firstInverse = new int[t];
    firstPositions = new int[s];
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
    choices = in.hasSource() ? new RowChoices(in.tokens(), in.sequences(), in.source().axis()) : new RowChoices(in.tokens(), in.sequences());
    tokenChoices = new int[t];
    sequenceChoices = new int[s];
    promptIds = new int[t];
    rows = new int[t];
    Arrays.setAll(rows, i -> i);
    sources = in.hasSource() ? Optional.of(new SourceBatch(in)) : Optional.empty();
    if (in.hasSource() && virtual.total() > 0) {
      throw new ConfigException("virtual tokens are not supported in models that read a source beside the text");
    }
    segmentTables.put(in.segments(Rows.ALL), segments);
    segmentTables.put(in.segments(Rows.FIRST), firstSegments);
    segmentTables.put(in.segments(Rows.LAST), lastSegments);
  }

  /** Empties the batch. */
  public void clear() {
    tokens = 0;
    sequences = 0;
    mixed = false;
    sources.ifPresent(SourceBatch::clear);
  }

  /** Whether a sequence of this length still fits. */
  public boolean fits(int length) {
    return sequences < in.sequences().capacity() && tokens + virtual.rows() + length <= in.tokens().capacity();
  }

  /** Whether a sequence of this length with a source still fits. */
  public boolean fits(int length, int source) {
    return fits(length) && sources.isPresent() && sources.get().fits(source);
  }

  /** Tokens held, virtual ones included. */
  public int tokens() {
    return tokens;
  }

  /** Tokens of the sources held. */
  public int sourceTokens() {
    return sources.isPresent() ? sources.get().tokens() : 0;
  }

  /** Sequences held. */
  public int sequences() {
    return sequences;
  }

  /**
   * A sequence to pack. Padding is left out, wherever it was; what it leaves are the positions of the tokens beside it, for models that count
   * it.
   *
   * @param ids token ids
   * @param types segment ids
   * @param positions for each token how many tokens and paddings were before it
   * @param looked how many of the tokens are looked at by attention: all, but where a loss of Hugging Face's sees padding
   * @param example ordinal of the example in its data set, the key of its dropout masks
   * @param choice which of several adapters it uses, see {@link RowChoices}
   * @param length what rotary positions that look at it take as its length, padding included; 0: its own
   */
  public record Sequence(int[] ids, int[] types, int[] positions, int looked, int example, int choice, int length) {

    /** A sequence without padding. */
    public static Sequence of(int[] ids, int[] types, int example) {
      int[] positions = new int[ids.length];
      Arrays.setAll(positions, i -> i);
      return new Sequence(ids, types, positions, ids.length, example, 0, 0);
    }

    /** The same, of which only the first tokens are looked at. */
    public Sequence looking(int tokens) {
      return new Sequence(ids, types, positions, tokens, example, choice, length);
    }

    /** The same as part of a batch padded to so many tokens, for rotary positions that are counted by that. */
    public Sequence paddedTo(int tokens) {
      return new Sequence(ids, types, positions, looked, example, choice, tokens);
    }

    /** The same with other positions. */
    public Sequence at(int[] others) {
      return new Sequence(ids, types, others, looked, example, choice, length);
    }
  }

  /** Appends a sequence without padding that uses the one adapter. */
  public void add(int[] sequenceIds, int[] sequenceTypes, int example) {
    add(sequenceIds, sequenceTypes, example, 0);
  }

  /** Appends a sequence without padding that uses one of several adapters. */
  public void add(int[] sequenceIds, int[] sequenceTypes, int example, int choice) {
    check(sequenceIds, sequenceTypes.length, sequenceIds.length, example);
    append(sequenceIds, sequenceTypes, sequenceIds.length, example, choice);
    for (int i = 0, n = virtual.rows() + sequenceIds.length; i < n; i++) {
      positions[tokens + i] = in.limits().firstPosition() + virtual.keys() + i;
    }
    finish(sequenceIds.length, 0);
  }

  /** Appends a sequence. */
  public void add(Sequence sequence) {
    int text = sequence.ids.length;
    check(sequence.ids, sequence.types.length, sequence.looked, sequence.example);
    int room = in.maxLength() - virtual.total();
    if (sequence.positions.length != text || Arrays.stream(sequence.positions).anyMatch(p -> p < 0 || p >= room)) {
      throw new ConfigException("example %d: %d tokens have the positions %s; one below %d is needed for each".formatted(sequence.example, text,
          Arrays.toString(sequence.positions), room));
    }
    append(sequence.ids, sequence.types, sequence.looked, sequence.example, sequence.choice);
    int before = virtual.rows();
    int start = in.limits().firstPosition() + virtual.keys();
    for (int i = 0; i < before; i++) {
      positions[tokens + i] = start + i;
    }
    for (int i = 0; i < text; i++) {
      positions[tokens + before + i] = start + before + sequence.positions[i];
    }
    finish(text, sequence.length);
  }

  /**
   * Appends the source of the sequence that was added last.
   *
   * @throws ConfigException if the model reads none
   */
  public void source(int[] ids) {
    SourceBatch batch = sources.orElseThrow(() -> new ConfigException("the model reads no source beside a text"));
    int of = sequences - 1;
    batch.add(ids, segments[5 * of], segments[5 * of + 1], sequenceKeys[2 * of], sequenceChoices[of]);
  }

  private void check(int[] text, int types, int looked, int example) {
    if (text.length == 0 || text.length > in.maxLength() - virtual.total()) {
      throw new ConfigException("example %d has %d tokens; between 1 and %d are allowed".formatted(example, text.length,
          in.maxLength() - virtual.total()));
    }
    if (looked < 1 || looked > text.length || types != text.length) {
      throw new ConfigException("example %d: %d of its %d tokens cannot be looked at, %d have a type".formatted(example, looked, text.length,
          types));
    }
    for (int i = 0; i < text.length; i++) {
      if (text[i] < 0 || text[i] >= in.limits().vocabulary()) {
        throw new ConfigException("example %d: token %d has the id %d, but the model's embedding has the rows 0 to %d"
            .formatted(example, i, text[i], in.limits().vocabulary() - 1));
      }
    }
    if (!fits(text.length)) {
      throw new ConfigException("a batch of %d sequences and %d tokens has no room for %d more tokens (capacity %d sequences, %d tokens)"
          .formatted(sequences, tokens, text.length, in.sequences().capacity(), in.tokens().capacity()));
    }
  }

  /** Everything but positions. */
  private void append(int[] sequenceIds, int[] sequenceTypes, int looked, int example, int choice) {
    int before = virtual.rows();
    int text = sequenceIds.length;
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
    first[sequences] = tokens;
    last[sequences] = tokens + length - 1;
    for (int i = 0; i < length; i++) {
      promptIds[tokens + i] = i < before ? i : -1;
      tokenKeys[2 * (tokens + i)] = example;
      tokenKeys[2 * (tokens + i) + 1] = i;
    }
    segment(segments, tokens, length, keys, 0);
    segment(firstSegments, sequences, 1, keys, 0);
    segment(lastSegments, sequences, 1, keys, length - 1);
    ranges[2 * sequences] = tokens + before;
    ranges[2 * sequences + 1] = text;
    Arrays.fill(tokenChoices, tokens, tokens + length, choice);
    sequenceChoices[sequences] = choice;
    mixed |= choice != 0;
    sequenceKeys[2 * sequences] = example;
    sequenceKeys[2 * sequences + 1] = 0;
  }

  private void finish(int text, int padded) {
    int length = virtual.rows() + text;
    int reach = 0;
    for (int i = 0; i < length; i++) {
      reach = Math.max(reach, positions[tokens + i] + 1);
    }
    Arrays.fill(lengths, tokens, tokens + length, Math.max(reach, padded));
    firstPositions[sequences] = positions[tokens];
    lastPositions[sequences] = positions[tokens + length - 1];
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
    to.write(in.positions(Rows.ALL), positions, tokens);
    to.write(in.all().types(), types, tokens);
    to.write(in.all().segments(), segments, 5 * sequences);
    to.write(in.ranges(), ranges, 2 * sequences);
    write(to, in.first(), first, firstInverse, firstPositions);
    to.write(in.first().segments(), firstSegments, 5 * sequences);
    write(to, in.last(), last, lastInverse, lastPositions);
    to.write(in.last().segments(), lastSegments, 5 * sequences);
    to.write(in.randomness().rowKeys().getFirst(), tokenKeys, 2 * tokens);
    to.write(in.randomness().rowKeys().get(1), sequenceKeys, 2 * sequences);
    choices.write(to, tokenChoices, tokens, sequenceChoices, sequences, mixed);
    to.program().slot(VirtualTokens.PROMPT_IDS).ifPresent(slot -> {
      to.write(slot, promptIds, tokens);
      scatter(to, slot, promptIds);
    });
    if (virtual.keys() > 0 && prefix.isEmpty()) {
      prefix = PrefixTables.of(to.program(), virtual.keys());
    }
    prefix.ifPresent(tables -> tables.write(to, sequences, segmentTables));
    writeByLength(to);
    asked.write(to, first, last, sequences, positions);
    if (sources.isPresent()) {
      sources.get().write(to, sequences);
    }
    scatter(to, in.ids(), ids);
    scatter(to, in.positions(Rows.ALL), positions);
    scatter(to, in.all().types(), types);
    random[0] = (int) seed;
    random[1] = (int) (seed >>> 32);
    random[2] = step;
    to.write(in.randomness().random(), random, 3);
  }

  private void writeByLength(Executable to) {
    if (in.byLength().tables().isEmpty()) {
      return;
    }
    to.write(in.rows(Rows.ALL), rows, tokens);
    for (Map.Entry<Value, PackedInputs.LengthTable> entry : in.byLength().tables().entrySet()) {
      Value slot = entry.getKey();
      int columns = slot.shape().cols();
      float[] values = byLength.computeIfAbsent(slot, s -> new float[Math.toIntExact(s.shape().elements())]);
      for (int i = 0; i < tokens; i++) {
        entry.getValue().write(positions[i], lengths[i], values, i * columns);
      }
      to.write(slot, values, tokens * columns);
    }
  }

  private void write(Executable to, PackedInputs.Chosen slots, int[] rows, int[] inverse, int[] rowPositions) {
    to.write(slots.rows(), rows, sequences);
    to.write(slots.inverse(), inverse, tokens);
    to.write(slots.positions(), rowPositions, sequences);
  }
}
