package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Program;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Workers;
import java.util.List;
import java.util.Optional;

/** Runs programs on the processor with the given kernels and threads. Closing it stops the threads. */
public record CpuBackend(Kernels kernels, Workers workers) implements Backend {

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public String arithmetic() {
    return "cpu: " + kernels.describe();
  }

  @Override
  public String describe() {
    return "cpu: %s, %d thread%s".formatted(kernels.describe(), workers.threads(), workers.threads() == 1 ? "" : "s");
  }

  @Override
  public Optional<String> unusable() {
    return Optional.empty();
  }

  @Override
  public List<Allocation> forecast(Program program, CompileOptions options) {
    return CpuPlan.of(program, options, kernels, workers.threads()).allocations();
  }

  @Override
  public long staging(Program program, CompileOptions options) {
    return CpuPlan.of(program, options, kernels, workers.threads()).staging();
  }

  @Override
  public Executable compile(Program program, CompileOptions options) {
    return new CpuExecutable(program, CpuPlan.of(program, options, kernels, workers.threads()), kernels, workers);
  }

  @Override
  public void close() {
    workers.close();
  }

  /** The processor with the fastest kernels this JVM has. */
  public static final class CpuProvider implements Provider {

    @Override
    public String name() {
      return "cpu";
    }

    @Override
    public Backend open(int threads) {
      return new CpuBackend(KernelProvider.select("auto"), new Workers(threads == 0 ? Workers.defaultThreads() : threads));
    }
  }
}
