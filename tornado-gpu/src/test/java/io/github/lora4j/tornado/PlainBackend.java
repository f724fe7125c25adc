package io.github.lora4j.tornado;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Program;
import java.util.List;
import java.util.Optional;

/** The lowering and the kernels' bodies without a device: group after group, thread after thread, in plain Java. */
public final class PlainBackend implements Backend {

  private final boolean library;
  private final int most;

  /** @param library with products as a library's SGEMM */
  public PlainBackend(boolean library) {
    this(library, Layout.MOST);
  }

  /** @param most elements that a bank of frozen weights can number */
  public PlainBackend(boolean library, int most) {
    this.library = library;
    this.most = most;
  }

  @Override
  public String name() {
    return "plain";
  }

  @Override
  public String describe() {
    return library ? "kernel bodies as plain Java, products as SGEMM" : "kernel bodies as plain Java";
  }

  @Override
  public Optional<String> unusable() {
    return Optional.empty();
  }

  @Override
  public List<Allocation> forecast(Program program, CompileOptions options) {
    return TornadoGpu.lowered(program, options, library, most).layout().allocations();
  }

  @Override
  public Executable compile(Program program, CompileOptions options) {
    TornadoGpu.Lowered lowered = TornadoGpu.lowered(program, options, library, most);
    Structure.check(lowered);
    return lowered.on((arenas, lowering) -> new PlainDevice(arenas));
  }

  @Override
  public void close() {
    // Nothing is held.
  }

  /** Makes it a backend like others, for whole runs. */
  public static final class PlainProvider implements Provider {

    @Override
    public String name() {
      return "plain";
    }

    @Override
    public int preference() {
      return -1;
    }

    @Override
    public Backend open(int threads) {
      return new PlainBackend(false);
    }
  }

  private record PlainDevice(Arenas arenas) implements Device {

    @Override
    public void run(Lowering.Call call) {
      for (int i = 0; i < call.tasks().size(); i++) {
        Lowering.Step step = call.chunk().steps().get(i);
        Arenas.Bank bank = arenas.banks().get(step.bank());
        int groups = call.tasks().get(i).groups(arenas.ints()::get);
        for (int group = 0; group < groups; group++) {
          step.kernel().plain.run(group, call.at(i), bank.table(), arenas.ints(), arenas.memory(), bank.weights());
        }
      }
    }

    @Override
    public void sendInts() {
      // The host's arrays are the device's.
    }

    @Override
    public void send(Arenas.Which which, int bank, int from, int count) {
      // The same.
    }

    @Override
    public void fetch(int from, int count) {
      // The same.
    }

    @Override
    public void close() {
      // Arrays are collected.
    }
  }
}
