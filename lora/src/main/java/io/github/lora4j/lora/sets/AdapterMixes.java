package io.github.lora4j.lora.sets;

import io.github.lora4j.vector.ConfigException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** Named sums of a set's adapters, each with a factor; each takes one of the choices that were reserved for them. */
final class AdapterMixes {

  /** Factors by adapter. */
  record Mix(int place, Map<String, Double> factors, long since) {}

  private final Map<String, Mix> mixes = new LinkedHashMap<>();
  private final TreeMap<Integer, String> places = new TreeMap<>();

  boolean has(String name) {
    return mixes.containsKey(name);
  }

  Mix get(String name) {
    return Objects.requireNonNull(mixes.get(name), "a mix of this name");
  }

  void put(String name, Map<String, Double> factors, int room, long since) {
    int place = 0;
    while (places.containsKey(place)) {
      place++;
    }
    if (place >= room) {
      throw new ConfigException(("adapter set: no room for the mix '%s', all %d are taken; "
          + "remove one, or reserve more before recording").formatted(name,
          room));
    }
    places.put(place, name);
    mixes.put(name, new Mix(place, Map.copyOf(factors), since));
  }

  boolean remove(String name) {
    Mix mix = mixes.remove(name);
    if (mix != null) {
      places.remove(mix.place());
    }
    return mix != null;
  }

  /** Mixes that use an adapter. */
  boolean uses(String adapter) {
    return mixes.values().stream().anyMatch(mix -> mix.factors().containsKey(adapter));
  }

  Iterable<Mix> all() {
    return mixes.values();
  }
}
