package io.github.lora4j.generate.internal;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Rows of the cache, of which those that sequences have left are kept until somebody needs the room: a prompt that begins as one of them did need
 * not be computed again that far. What was written with another adapter, or another version of it, is never given.
 */
public final class KeptRows {

  /** Tokens in common that are worth looking at another's place: below, what is kept there is worth more. */
  private static final int LEAST = 8;

  /**
   * What wrote the cache.
   *
   * @param adapter as requests name it
   * @param version see {@link AdapterChoices#version}
   */
  public record Writer(String adapter, long version) {}

  /**
   * A sequence's place.
   *
   * @param first row
   * @param rows that it has
   * @param cached how many of them are written, those that an adapter puts before the tokens included
   * @param beyond whether they were written for a sequence beyond the border of lengths
   */
  public record Place(int first, int rows, int cached, boolean beyond) {}

  private record Kept(Place place, int[] tokens, int before, Writer writer) {}

  private final CacheRows cache;
  private final int most;
  /** Those that left first come first. */
  private final List<Kept> kept = new ArrayList<>();

  /**
   * None are kept.
   *
   * @param rows of the cache
   * @param most places that are kept
   */
  public KeptRows(int rows, int most) {
    cache = new CacheRows(rows);
    this.most = most;
  }

  /** Whether so many rows could be had. */
  public boolean fits(int rows) {
    return cache.fits(rows, first -> kept.stream().anyMatch(one -> one.place.first == first));
  }

  /** Takes rows; empty if there are not so many side by side. */
  public OptionalInt take(int rows) {
    OptionalInt first = cache.take(rows);
    while (first.isEmpty() && !kept.isEmpty()) {
      drop(kept.getFirst());
      first = cache.take(rows);
    }
    return first;
  }

  /**
   * Takes a place where the beginning of a prompt is written already; empty where there is none, or it has not the room.
   *
   * @param before rows that an adapter puts before the prompt
   */
  public Optional<Place> takeKept(List<Integer> prompt, int before, int rows, Writer writer) {
    Kept best = null;
    int longest = LEAST - 1;
    for (Kept one : kept) {
      int common = one.writer.equals(writer) && one.before == before ? common(one.tokens, prompt) : 0;
      if (common > longest && cache.room(one.place.first, first -> kept.stream().anyMatch(other -> other.place.first == first)) >= rows) {
        best = one;
        longest = common;
      }
    }
    if (best == null) {
      return Optional.empty();
    }
    Place place = best.place;
    kept.remove(best);
    for (Kept other : List.copyOf(kept)) {
      if (other.place.first > place.first && other.place.first < place.first + rows) {
        drop(other);
      }
    }
    cache.resize(place.first, rows);
    // The last token of a prompt always goes through the model: its logits are what is asked for.
    return Optional.of(new Place(place.first, rows, before + Math.min(longest, prompt.size() - 1), place.beyond));
  }

  private static int common(int[] tokens, List<Integer> prompt) {
    int same = 0;
    while (same < Math.min(tokens.length, prompt.size()) && tokens[same] == prompt.get(same)) {
      same++;
    }
    return same;
  }

  /**
   * A sequence has left its place.
   *
   * @param tokens of the sequence from the first one
   * @param before rows that an adapter puts before them
   */
  public void keep(Place place, int[] tokens, int before, Writer writer) {
    if (place.cached - before < LEAST) {
      free(place.first);
      return;
    }
    kept.add(new Kept(place, Arrays.copyOf(tokens, place.cached - before), before, writer));
    if (kept.size() > most) {
      drop(kept.getFirst());
    }
  }

  /** Gives rows back that are worth nothing. */
  public void free(int first) {
    cache.free(first);
  }

  private void drop(Kept one) {
    kept.remove(one);
    cache.free(one.place.first);
  }

  /** Rows that no sequence has. */
  public int free() {
    return cache.free() + kept.stream().mapToInt(one -> one.place.rows).sum();
  }
}
