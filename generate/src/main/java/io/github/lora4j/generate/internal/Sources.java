package io.github.lora4j.generate.internal;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.RowChoices;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.PackedInputs;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** The sources of sequences: each goes through the encoder once, however many sequences of one adapter are made from it. */
public final class Sources {

  private final PackedInputs.Source slots;
  private final PackedInputs in;
  private final Value rowsSlot;
  private final @Nullable Value choicesSlot;
  private final CacheRows cache;
  private final List<Place> places = new ArrayList<>();
  private final int[] ids;
  private final int[] positions;
  private final int[] rows;
  private final int[] choices;
  private final int[] segments;
  private boolean pending;

  /** A source and its rows in the cache. */
  public static final class Place {
    private final List<Integer> source;
    private final String adapter;
    private final int firstRow;
    private int choice;
    private int users;
    private boolean encoded;

    private Place(List<Integer> source, String adapter, int firstRow) {
      this.source = source;
      this.adapter = adapter;
      this.firstRow = firstRow;
    }

    /** The cache's row of its first token. */
    public int firstRow() {
      return firstRow;
    }

    /** Its tokens. */
    public int length() {
      return source.size();
    }

    private boolean is(List<Integer> other, String name) {
      return adapter.equals(name) && source.equals(other);
    }
  }

  /** An empty cache for a program that reads sources. */
  public Sources(CacheProgram program) {
    in = program.prefill().in();
    slots = in.source();
    rowsSlot = program.program().slot(CacheProgram.ENCODE + ".rows").orElseThrow();
    choicesSlot = RowChoices.find(program.program(), slots.axis()).orElse(null);
    cache = new CacheRows(program.cacheRows());
    ids = new int[slots.axis().capacity()];
    positions = new int[ids.length];
    rows = new int[ids.length];
    choices = new int[ids.length];
    segments = new int[5 * in.sequences().capacity()];
  }

  /** Whether there is room for a source. */
  public boolean fits(List<Integer> source, String adapter) {
    return places.stream().anyMatch(place -> place.is(source, adapter)) || cache.fits(source.size());
  }

  /**
   * Takes a source up, or finds it; it is encoded before the next step.
   *
   * @return empty where the cache has no room in one piece
   */
  public Optional<Place> take(List<Integer> source, String adapter, int choice) {
    Optional<Place> found = places.stream().filter(place -> place.is(source, adapter)).findFirst();
    if (found.isEmpty()) {
      OptionalInt first = cache.take(source.size());
      if (first.isEmpty()) {
        return Optional.empty();
      }
      found = Optional.of(new Place(source, adapter, first.getAsInt()));
      places.add(found.get());
      pending = true;
    }
    found.get().users++;
    found.get().choice = choice;
    return found;
  }

  /** A sequence that was made from it has left. */
  public void leave(Place place) {
    place.users--;
    if (place.users == 0) {
      places.remove(place);
      cache.free(place.firstRow);
    }
  }

  /** Rows that nobody has. */
  public int free() {
    return cache.free();
  }

  /** Adapters have changed, and with them what is seen of every source. */
  public void forget() {
    places.forEach(place -> place.encoded = false);
    pending = true;
  }

  /** The adapter of a source goes by another number. */
  public void choose(Place place, int choice) {
    place.choice = choice;
  }

  /** Encodes those that are not yet, as many at a time as there is room for. */
  public void encode(Executable executable) {
    while (pending) {
      pending = false;
      int tokens = 0;
      int count = 0;
      for (Place place : places) {
        if (!place.encoded && (tokens + place.length() > ids.length || 5 * count == segments.length)) {
          pending = true;
        } else if (!place.encoded) {
          add(place, tokens, count);
          place.encoded = true;
          tokens += place.length();
          count++;
        }
      }
      if (count > 0) {
        run(executable, tokens, count);
      }
    }
  }

  private void add(Place place, int at, int number) {
    for (int i = 0; i < place.length(); i++) {
      ids[at + i] = place.source.get(i);
      positions[at + i] = in.limits().firstPosition() + i;
      rows[at + i] = place.firstRow + i;
      choices[at + i] = place.choice;
    }
    int segment = 5 * number;
    segments[segment] = at;
    segments[segment + 1] = place.length();
    segments[segment + 2] = at;
    segments[segment + 3] = place.length();
    segments[segment + 4] = 0;
  }

  private void run(Executable executable, int tokens, int count) {
    executable.rows(slots.axis(), tokens);
    executable.rows(in.sequences(), count);
    executable.write(slots.ids(), ids, tokens);
    executable.write(slots.positions(), positions, tokens);
    executable.write(slots.segments(), segments, 5 * count);
    executable.write(rowsSlot, rows, tokens);
    if (choicesSlot != null) {
      executable.write(choicesSlot, choices, tokens);
    }
    executable.run(CacheProgram.ENCODE);
  }
}
