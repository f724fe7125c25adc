package io.github.lora4j.inference.engine;

import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The adapters of a generator by name, each in the version that was loaded last. Who has leased a version computes with it to the end, whatever is
 * loaded or removed under its name meanwhile; a version leaves the set when nobody has it any more.
 *
 * <p>Leases are for any thread. What changes the set ({@link #put}, {@link #remove}, {@link #sweep}) belongs to the thread that owns the generator.
 */
public final class Voices {

  /** Sums of adapters that there is room for at a time. */
  public static final int MIXES = 16;

  /** In what the set calls versions, and in no name. */
  private static final char MARK = '\u0001';

  private final @Nullable AdapterSet held;
  private final int seats;
  private final Map<String, Version> current = new LinkedHashMap<>();
  private final List<Version> retired = new ArrayList<>();
  private final Map<Map<Version, Double>, Version> mixes = new LinkedHashMap<>();
  private final Map<String, Integer> ids = new LinkedHashMap<>();
  private long loaded;

  /** What a set calls it, and how many requests hold it. */
  private static final class Version {
    private final String key;
    private int leases;

    Version(String key) {
      this.key = key;
    }
  }

  /** Versions in use until it is closed once for each sequence that shares it. */
  public final class Lease implements AutoCloseable {

    private final String adapter;
    private final List<Version> versions;
    private int left;

    private Lease(String adapter, List<Version> versions, int shares) {
      this.adapter = adapter;
      this.versions = versions;
      left = shares;
      versions.forEach(version -> version.leases++);
    }

    /** What a request calls what it computes with. */
    public String adapter() {
      return adapter;
    }

    /** A sequence no longer uses it. */
    @Override
    public void close() {
      giveBack(1);
    }

    /** None does. */
    public void giveBack() {
      giveBack(Integer.MAX_VALUE);
    }

    private void giveBack(int shares) {
      synchronized (Voices.this) {
        if (left > 0) {
          left = Math.max(0, left - shares);
          if (left == 0) {
            versions.forEach(version -> version.leases--);
          }
        }
      }
    }
  }

  /** No adapters, or one that is always in use. */
  public Voices() {
    held = null;
    seats = 0;
  }

  /**
   * Those of a set, which are there already under their names.
   *
   * @param seats adapters it has room for
   */
  public Voices(AdapterSet set, int seats) {
    held = set;
    this.seats = seats;
    set.names().forEach(name -> {
      current.put(name, new Version(name));
      ids.put(name, ids.size());
    });
  }

  private Optional<AdapterSet> set() {
    return Optional.ofNullable(held);
  }

  /** Whether adapters can be chosen, loaded and removed. */
  public boolean choosable() {
    return held != null;
  }

  /** Names of adapters, in the order they came. */
  public synchronized List<String> names() {
    return List.copyOf(current.keySet());
  }

  /** Whether there is an adapter of this name. */
  public synchronized boolean has(String name) {
    return current.containsKey(name);
  }

  /**
   * The version of a name that is there now.
   *
   * @param shares sequences that use it, each of which closes the lease once
   * @return empty if there is no such adapter
   */
  public synchronized Optional<Lease> lease(String name, int shares) {
    return Optional.ofNullable(current.get(name)).map(version -> new Lease(version.key, List.of(version), shares));
  }

  /** The number of each adapter, which it keeps when it is replaced. */
  public synchronized Map<String, Integer> ids() {
    return new LinkedHashMap<>(ids);
  }

  /** The base model. */
  public Lease base(int shares) {
    return new Lease(held != null ? AdapterSet.BASE : "", List.of(), shares);
  }

  /**
   * A sum of adapters, each with a factor, in the versions that are there now. Belongs to the thread that owns the generator.
   *
   * @return empty when all places for sums are in use at the moment
   * @throws ConfigException when one of them is not there, or cannot be part of a sum
   */
  public synchronized Optional<Lease> mix(Map<String, Double> factors, int shares) {
    AdapterSet of = set().orElseThrow(() -> new ConfigException("this server has no adapters"));
    Map<Version, Double> versions = new LinkedHashMap<>();
    factors.forEach((name, factor) -> versions.put(Optional.ofNullable(current.get(name)).orElseThrow(() -> new ConfigException(
        "there is no adapter '%s'".formatted(name))), factor));
    Version mix = mixes.get(versions);
    if (mix == null) {
      if (mixes.size() == MIXES) {
        sweepMixes();
      }
      if (mixes.size() == MIXES) {
        return Optional.empty();
      }
      mix = new Version(MARK + "mix" + MARK + ++loaded);
      Map<String, Double> keys = new LinkedHashMap<>();
      versions.forEach((version, factor) -> keys.put(version.key, factor));
      of.mix(mix.key, keys);
      mixes.put(versions, mix);
    }
    List<Version> all = new ArrayList<>(versions.keySet());
    all.add(mix);
    return Optional.of(new Lease(mix.key, all, shares));
  }

  /** Mixes that nobody uses go when there is need of their places, or their adapters go. */
  private void sweepMixes() {
    mixes.values().removeIf(mix -> {
      if (mix.leases == 0) {
        set().orElseThrow().unmix(mix.key);
      }
      return mix.leases == 0;
    });
  }

  /**
   * Adds an adapter, or takes it in the place of the one of this name.
   *
   * @return false when every seat is taken at the moment by versions that are still in use
   * @throws ConfigException when it does not fit, or the set is full of others
   */
  public synchronized boolean put(String name, LoadedAdapter adapter) {
    sweep();
    AdapterSet into = set().orElseThrow(() -> new ConfigException("this server was started without room for adapters"));
    if (!current.containsKey(name) && current.size() >= seats) {
      throw new ConfigException("there is room for %d adapters (%s); unload one first".formatted(seats, String.join(", ", current.keySet())));
    }
    if (into.names().size() > seats) {
      return false;
    }
    String key = name + MARK + ++loaded;
    into.add(key, adapter.adapter(), adapter.values());
    Version before = current.put(name, new Version(key));
    ids.putIfAbsent(name, ids.values().stream().mapToInt(id -> id + 1).max().orElse(0));
    if (before != null) {
      retired.add(before);
      sweep();
    }
    return true;
  }

  /** Removes an adapter; false if there is none of this name. */
  public synchronized boolean remove(String name) {
    Version version = current.remove(name);
    if (version == null) {
      return false;
    }
    ids.remove(name);
    retired.add(version);
    sweep();
    return true;
  }

  /** Lets versions go that nobody uses. */
  public synchronized void sweep() {
    if (!retired.isEmpty()) {
      sweepMixes();
    }
    for (Version version : List.copyOf(retired)) {
      if (version.leases == 0) {
        AdapterSet from = set().orElseThrow();
        // Requests name their adapter; which one is active decides nothing, but the active one cannot be deleted.
        from.names().stream().filter(key -> !key.equals(version.key)).findFirst().filter(key -> from.active().contains(version.key))
            .ifPresent(from::activate);
        from.delete(version.key);
        retired.remove(version);
      }
    }
  }
}
