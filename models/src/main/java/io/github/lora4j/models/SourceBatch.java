package io.github.lora4j.models;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.RowChoices;
import io.github.lora4j.graph.ScatterTables;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.ConfigException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The sources of a {@link PackedBatch}, in the order of its sequences, without padding. */
final class SourceBatch {

  private final PackedInputs in;
  private final PackedInputs.Source slots;
  private final int[] ids;
  private final int[] positions;
  private final int[] segments;
  private final int[] cross;
  private final int[] crossFirst;
  private final int[] crossLast;
  private final int[] keys;
  private final int[] choices;
  private final Map<Value, Optional<ScatterTables>> scatters = new HashMap<>();
  private @Nullable Value chosen;
  private boolean looked;
  private int tokens;
  private int count;

  SourceBatch(PackedInputs in) {
    this.in = in;
    slots = in.source();
    int sequences = in.sequences().capacity();
    ids = new int[slots.axis().capacity()];
    positions = new int[ids.length];
    segments = new int[5 * sequences];
    cross = new int[5 * sequences];
    crossFirst = new int[5 * sequences];
    crossLast = new int[5 * sequences];
    keys = new int[2 * ids.length];
    choices = new int[ids.length];
  }

  void clear() {
    tokens = 0;
    count = 0;
  }

  int tokens() {
    return tokens;
  }

  /** Whether a source of this length still fits. */
  boolean fits(int length) {
    return tokens + length <= ids.length;
  }

  /**
   * The source of the sequence whose tokens begin at {@code start}.
   *
   * @param example and choice of the sequence
   */
  void add(int[] source, int start, int length, int example, int choice) {
    if (source.length == 0 || source.length > in.maxLength() || tokens + source.length > ids.length) {
      throw new ConfigException("a source of %d tokens behind %d others; between 1 and %d are allowed, and %d in a batch".formatted(source.length,
          tokens, in.maxLength(), ids.length));
    }
    for (int i = 0; i < source.length; i++) {
      if (source[i] < 0 || source[i] >= in.limits().vocabulary()) {
        throw new ConfigException("token %d of a source has the id %d, but the model's embedding has the rows 0 to %d".formatted(i, source[i],
            in.limits().vocabulary() - 1));
      }
      ids[tokens + i] = source[i];
      positions[tokens + i] = in.limits().firstPosition() + i;
      keys[2 * (tokens + i)] = example;
      keys[2 * (tokens + i) + 1] = i;
      choices[tokens + i] = choice;
    }
    segment(segments, tokens, source.length, source.length);
    segment(cross, start, length, source.length);
    segment(crossFirst, count, 1, source.length);
    segment(crossLast, count, 1, source.length);
    tokens += source.length;
    count++;
  }

  private void segment(int[] table, int queryStart, int queryLength, int keyLength) {
    int at = 5 * count;
    table[at] = queryStart;
    table[at + 1] = queryLength;
    table[at + 2] = tokens;
    table[at + 3] = keyLength;
    table[at + 4] = 0;
  }

  void write(Executable to, int sequences) {
    if (count != sequences) {
      throw new ConfigException("%d sequences have %d sources; each needs one".formatted(sequences, count));
    }
    to.rows(slots.axis(), tokens);
    to.write(slots.ids(), ids, tokens);
    to.write(slots.positions(), positions, tokens);
    to.write(slots.segments(), segments, 5 * count);
    to.write(slots.cross(), cross, 5 * count);
    to.write(slots.crossFirst(), crossFirst, 5 * count);
    to.write(slots.crossLast(), crossLast, 5 * count);
    if (!looked) {
      looked = true;
      chosen = RowChoices.find(to.program(), slots.axis()).orElse(null);
    }
    if (chosen != null) {
      to.write(chosen, choices, tokens);
    }
    if (in.limits().sourceTokens() > 0) {
      to.write(in.randomness().rowKeys().getLast(), keys, 2 * tokens);
    }
    scatter(to, slots.ids(), ids);
    scatter(to, slots.positions(), positions);
  }

  private void scatter(Executable to, Value slot, int[] values) {
    scatters.computeIfAbsent(slot, s -> ScatterTables.of(to.program(), s)).ifPresent(tables -> tables.write(to, values, tokens));
  }
}
