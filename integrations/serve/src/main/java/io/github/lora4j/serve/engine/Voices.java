package io.github.lora4j.serve.engine;

import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The adapters of a generator by name, each in the version that was loaded last. Who has leased a version computes with it to the end, whatever is
 * loaded or removed under its name meanwhile; a version leaves the set when nobody has it any more.
 *
 * <p>Leases are for any thread. What changes the set ({@link #put}, {@link #remove}, {@link #sweep}) belongs to the thread that owns the generator.
 */
public final class Voices {

  private final Optional<AdapterSet> set;
  private final int seats;
  private final Map<String, Version> current = new LinkedHashMap<>();
  private final List<Version> retired = new ArrayList<>();
  private long loaded;

  private static final class Version {
    private final String key;
    private int leases;

    Version(String key) {
      this.key = key;
    }
  }

  /** A version in use until it is closed; once is enough, more do no harm. */
  public final class Lease implements AutoCloseable {

    private final String adapter;
    private final Optional<Version> version;
    private final int shares;
    private int closed;
    private final AtomicBoolean returned = new AtomicBoolean();

    private Lease(String adapter, Optional<Version> version, int shares) {
      this.adapter = adapter;
      this.version = version;
      this.shares = shares;
    }

    /** What a request calls the version. */
    public String adapter() {
      return adapter;
    }

    /** One of the shares is no longer in use. */
    @Override
    public void close() {
      synchronized (Voices.this) {
        if (++closed == shares) {
          giveBack();
        }
      }
    }

    /** None of it is in use. */
    public void giveBack() {
      synchronized (Voices.this) {
        if (returned.compareAndSet(false, true)) {
          version.ifPresent(v -> v.leases--);
        }
      }
    }
  }

  /** No adapters, or one that is always in use. */
  public Voices() {
    set = Optional.empty();
    seats = 0;
  }

  /**
   * Those of a set, which are there already under their names.
   *
   * @param seats adapters it has room for
   */
  public Voices(AdapterSet set, int seats) {
    this.set = Optional.of(set);
    this.seats = seats;
    set.names().forEach(name -> current.put(name, new Version(name)));
  }

  /** Whether adapters can be chosen, loaded and removed. */
  public boolean choosable() {
    return set.isPresent();
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
    Version version = current.get(name);
    if (version == null) {
      return Optional.empty();
    }
    version.leases++;
    return Optional.of(new Lease(version.key, Optional.of(version), shares));
  }

  /** The base model. */
  public Lease base(int shares) {
    return new Lease(set.isPresent() ? AdapterSet.BASE : "", Optional.empty(), shares);
  }

  /**
   * Adds an adapter, or takes it in the place of the one of this name.
   *
   * @return false when every seat is taken at the moment by versions that are still in use
   * @throws ConfigException when it does not fit, or the set is full of others
   */
  public synchronized boolean put(String name, LoadedAdapter adapter) {
    sweep();
    AdapterSet into = set.orElseThrow(() -> new ConfigException("this server was started without room for adapters"));
    if (!current.containsKey(name) && current.size() >= seats) {
      throw new ConfigException("there is room for %d adapters (%s); unload one first".formatted(seats, String.join(", ", current.keySet())));
    }
    if (into.names().size() > seats) {
      return false;
    }
    String key = name + '\u0001' + ++loaded;
    into.add(key, adapter.adapter(), adapter.values());
    Version before = current.put(name, new Version(key));
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
    retired.add(version);
    sweep();
    return true;
  }

  /** Lets versions go that nobody uses. */
  public synchronized void sweep() {
    for (Version version : List.copyOf(retired)) {
      if (version.leases == 0) {
        AdapterSet from = set.orElseThrow();
        // Requests name their adapter; which one is active decides nothing, but the active one cannot be deleted.
        from.names().stream().filter(key -> !key.equals(version.key)).findFirst().filter(key -> from.active().contains(version.key))
            .ifPresent(from::activate);
        from.delete(version.key);
        retired.remove(version);
      }
    }
  }
}
