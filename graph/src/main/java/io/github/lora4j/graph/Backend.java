package io.github.lora4j.graph;

import io.github.lora4j.vector.BackendException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Collectors;

/** Something that runs programs: the CPU, a GPU. Compiled once, a program runs at every step without allocating. */
public interface Backend extends AutoCloseable {

  /** One reason for memory and its bytes. */
  record Allocation(String purpose, long bytes) {}

  /** "cpu", "opencl", "ptx", "cuda". */
  String name();

  /** What runs and why it was chosen, for people. */
  String describe();

  /** What decides the order of its sums, and so the bits of its results: kernels and instruction set, or the device. */
  default String arithmetic() {
    return describe();
  }

  /** Why this backend cannot be used here, with the fix; empty if it can. */
  Optional<String> unusable();

  /** Why the processor is likely to be faster than this, if so: an OpenCL device that is the processor itself. */
  default Optional<String> slower() {
    return Optional.empty();
  }

  /** Exactly what {@link #compile} will allocate. */
  List<Allocation> forecast(Program program, CompileOptions options);

  /** Bytes of the largest parameter that is filled through a copy, since {@link Executable#place} has none for it. */
  default long staging(Program program, CompileOptions options) {
    return program.slots().values().stream().filter(v -> v.role() == Value.Role.FROZEN || v.role() == Value.Role.TRAINABLE)
        .mapToLong(v -> v.shape().elements() * Float.BYTES).max().orElse(0);
  }

  /**
   * Compiles a program and allocates all it needs. The caller closes the result.
   *
   * @throws io.github.lora4j.vector.ResourceException when memory does not suffice
   */
  Executable compile(Program program, CompileOptions options);

  /** Releases threads and devices; executables must be closed before. */
  @Override
  void close();

  /** Opens backends; found by {@link ServiceLoader}. */
  interface Provider {

    /** "cpu". */
    String name();

    /** The larger, the sooner {@code auto} tries it; 0 for the processor. */
    default int preference() {
      return 0;
    }

    /**
     * Opens the backend on the first device that is good for it.
     *
     * @param threads host threads; 0: all processors
     */
    Backend open(int threads);

    /**
     * Opens the backend on one of several devices.
     *
     * @param threads host threads; 0: all processors
     * @param device its number, from 0
     * @throws BackendException if there is no such device; a backend that does not say otherwise has one
     */
    default Backend open(int threads, int device) {
      if (device != 0) {
        throw new BackendException("backend %s has one device, 0; got %d".formatted(name(), device));
      }
      return open(threads);
    }
  }

  /**
   * Opens a backend by name.
   *
   * @param choice the name; for a certain device its number after a colon, as in "opencl:1"; or "auto": the fastest that can be used, whose
   *     {@link #describe} then says why it is none of the others
   * @param threads host threads; 0: all processors
   * @throws BackendException if there is none of this name, it cannot be used here, or two backends have one name
   */
  static Backend open(String choice, int threads) {
    List<Provider> all = ServiceLoader.load(Provider.class).stream().map(ServiceLoader.Provider::get)
        .sorted(Comparator.comparingInt(Provider::preference).reversed()).toList();
    Map<String, Provider> names = new HashMap<>();
    for (Provider provider : all) {
      Provider other = names.put(provider.name(), provider);
      if (other != null) {
        throw new BackendException("two backends are named \"%s\": %s and %s; leave one of them out of the class path".formatted(provider.name(),
            other.getClass().getName(), provider.getClass().getName()));
      }
    }
    if (choice.equals("auto")) {
      return ChosenBackend.first(all, threads);
    }
    String[] parts = choice.split(":", 2);
    if (parts.length == 2 && !parts[1].matches("\\d{1,4}")) {
      throw new BackendException("backend %s: expected a name, or a name and a device number, as in opencl:1".formatted(choice));
    }
    Provider provider = all.stream().filter(p -> p.name().equals(parts[0])).findFirst().orElseThrow(() -> new BackendException(
        "backend %s is not on the class path; there are: auto, %s".formatted(parts[0], all.stream().map(Provider::name).sorted()
            .collect(Collectors.joining(", ")))));
    Backend backend = parts.length == 2 ? provider.open(threads, Integer.parseInt(parts[1])) : provider.open(threads);
    backend.unusable().ifPresent(reason -> {
      backend.close();
      throw new BackendException("backend %s cannot be used: %s".formatted(choice, reason));
    });
    return backend;
  }
}
