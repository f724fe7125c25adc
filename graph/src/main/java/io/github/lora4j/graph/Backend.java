package io.github.lora4j.graph;

import java.util.List;
import java.util.Optional;

/** Something that runs programs: the CPU, a GPU. Compiled once, a program runs at every step without allocating. */
public interface Backend {

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
}
