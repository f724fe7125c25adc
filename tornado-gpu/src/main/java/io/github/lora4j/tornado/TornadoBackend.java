package io.github.lora4j.tornado;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Program;
import java.util.List;
import java.util.Optional;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/** Runs programs on one device of TornadoVM. */
public final class TornadoBackend implements Backend {

  /** A program and where it lies, before anything is allocated. */
  record Lowered(Program program, Layout layout, Lowering lowering) {
    Executable on(Device.Factory factory) {
      return new TornadoExecutable(program, layout, lowering, factory);
    }
  }

  private final String name;
  private final TornadoDevice device;

  TornadoBackend(String name, TornadoDevice device) {
    this.name = name;
    this.device = device;
  }

  static Lowered lowered(Program program, CompileOptions options) {
    Layout layout = new Layout(program, options);
    return new Lowered(program, layout, new Lowering(program, layout));
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String describe() {
    return "%s: %s".formatted(name, device.getDescription());
  }

  @Override
  public Optional<String> unusable() {
    return Optional.empty();
  }

  @Override
  public List<Allocation> forecast(Program program, CompileOptions options) {
    return lowered(program, options).layout().allocations();
  }

  @Override
  public Executable compile(Program program, CompileOptions options) {
    return lowered(program, options).on((arenas, lowering) -> new TornadoGraphs(arenas, lowering, device));
  }

  @Override
  public void close() {
    // Plans belong to executables.
  }
}
