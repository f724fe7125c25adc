package io.github.lora4j.inference.model;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Which model is served, and how.
 *
 * @param model its directory, or that of a finished run whose adapter is then served, too
 * @param name what clients call the base model; "": the directory's name
 * @param adapters directories of adapters by the names that clients use
 * @param room of the generator
 * @param computing backend and threads
 */
public record ServedOptions(Path model, String name, Map<String, Path> adapters, Room room, Computing computing) {

  /** Keeps the order. */
  public ServedOptions {
    adapters = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(adapters));
  }

  /**
   * What the generator has room for.
   *
   * @param sequences answered at a time
   * @param context tokens of a sequence at most; 0: the model's positions, up to 4,096
   * @param seats adapters at a time; 0: as many as are given
   * @param rank largest rank of adapters that are loaded later
   * @param weights how weights are kept; empty: as the files have them
   */
  public record Room(int sequences, int context, int seats, int rank, Optional<String> weights) {}

  /** What computes; see {@link io.github.lora4j.graph.Backend#open}. */
  public record Computing(String backend, int threads) {}
}
