package io.github.lora4j.graph;

import io.github.lora4j.vector.BackendException;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;

/** Something that runs programs: the CPU, a GPU. Compiled once, a program runs at every step without allocating. */
public interface Backend extends AutoCloseable {

  /** One reason for memory and its bytes. */
  record Allocation(String purpose, long bytes) {}

  /** "cpu", "opencl", "ptx". */
  String name();

  /** What runs and why it was chosen, for people. */
  String describe();

  /** Why this backend cannot be used here, with the fix; empty if it can. */
  Optional<String> unusable();

  /** Exactly what {@link #compile} will allocate. */
  List<Allocation> forecast(Program program, CompileOptions options);

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

    /**
     * Opens the backend.
     *
     * @param threads host threads; 0: all processors
     */
    Backend open(int threads);
  }

  /**
   * Opens a backend by name.
   *
   * @throws io.github.lora4j.vector.BackendException if there is none of this name, or it cannot be used here
   */
  static Backend open(String name, int threads) {
    List<Provider> all = ServiceLoader.load(Provider.class).stream().map(ServiceLoader.Provider::get).toList();
    Provider provider = all.stream().filter(p -> p.name().equals(name)).findFirst().orElseThrow(() -> new BackendException(
        "backend %s is not on the class path; there are: %s".formatted(name, all.stream().map(Provider::name).sorted().toList())));
    Backend backend = provider.open(threads);
    backend.unusable().ifPresent(reason -> {
      backend.close();
      throw new BackendException("backend %s cannot be used: %s".formatted(name, reason));
    });
    return backend;
  }
}
