package io.github.lora4j.tornado;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.Binders;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Program;
import io.github.lora4j.vector.BackendException;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.WeightFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/** Runs programs on one device of TornadoVM, after it has shown on a small one that it computes what the processor does. */
public final class TornadoGpu implements Backend {

  /** A program and where it lies, before anything is allocated. */
  record Lowered(Program program, Layout layout, Lowering lowering) {
    Executable on(Device.Factory factory) {
      return new TornadoExecutable(program, layout, lowering, factory);
    }
  }

  /** What the self-test found, by device: once in a process. */
  private static final Map<String, Optional<String>> TESTED = new ConcurrentHashMap<>();

  private final String name;
  private final Optional<String> unusable;
  /** None where the backend is unusable. */
  private final @Nullable TornadoDevice device;

  /**
   * Looks for the device and tries it.
   *
   * @param number from 0, or {@link Tornado#ANY}
   */
  TornadoGpu(String name, int number) {
    this.name = name;
    TornadoDevice found = null;
    Optional<String> reason = Tornado.absent();
    if (reason.isEmpty()) {
      try {
        found = Tornado.device(name, number);
      } catch (BackendException e) {
        reason = Optional.of(e.getMessage());
      }
    }
    device = found;
    unusable = reason.or(() -> TESTED.computeIfAbsent(describe(), key -> SelfTest.failure(this)));
  }

  private TornadoDevice device() {
    return Objects.requireNonNull(device, "asked only of a usable backend");
  }

  /** @param library whether a library makes the products */
  static Lowered lowered(Program program, CompileOptions options, boolean library) {
    return lowered(program, options, library, Layout.MOST);
  }

  /** @param most elements that a bank of frozen weights can number */
  static Lowered lowered(Program program, CompileOptions options, boolean library, int most) {
    Binders<GpuBinder<?>> binders = GpuBinders.all();
    Layout layout = new Layout(program, options, binders, most);
    return new Lowered(program, layout, new Lowering(program, layout, binders, library));
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String describe() {
    return "%s: %s, %s".formatted(name, Tornado.describe(device()), LibraryTasks.describe(name));
  }

  @Override
  public Optional<String> unusable() {
    return unusable;
  }

  @Override
  public Optional<String> slower() {
    return Tornado.gpu(device()) ? Optional.empty() : Optional.of("its device is no GPU but %s".formatted(Tornado.describe(device())));
  }

  @Override
  public List<Allocation> forecast(Program program, CompileOptions options) {
    return lowered(program, options, LibraryTasks.available(name)).layout().allocations();
  }

  @Override
  public Executable compile(Program program, CompileOptions options) {
    TornadoDevice device = device();
    Lowered lowered = lowered(program, options, LibraryTasks.available(name));
    long bytes = lowered.layout.allocations().stream().mapToLong(Allocation::bytes).sum();
    long all = device.getMaxGlobalMemory();
    long free = Math.min(all, FreeMemory.bytes(name).orElse(all));
    if (bytes > free) {
      throw new ResourceException(("the program needs %,d MB and the device %s has %,d MB%s: use %s").formatted(bytes >> 20,
          device.getPhysicalDevice().getDeviceName(), all >> 20,
              free < all ? ", %,d MB of them free".formatted(free >> 20) : "", less(options)));
    }
    if (lowered.layout.largestArray() > device.getMaxAllocMemory()) {
      throw new ResourceException(("the largest array of the program needs %,d MB and the device %s allocates at most %,d MB at once: use %s")
          .formatted(lowered.layout.largestArray() >> 20, device.getPhysicalDevice().getDeviceName(), device.getMaxAllocMemory() >> 20,
          less(options)));
    }
    return lowered.on((arenas, lowering) -> new TornadoGraphs(arenas, lowering, device, LibraryTasks.of(name)));
  }

  /** What needs less memory; who has half weights already is not told to use them. */
  private static String less(CompileOptions options) {
    return "fewer rows (batch size, maximal length)" + (options.weights().equals(WeightFormat.F32) ? ", or half weights" : "");
  }

  @Override
  public void close() {
    // Plans belong to executables, and TornadoVM to the process.
  }

  /** TornadoVM's OpenCL backend. */
  public static final class OpenClProvider implements Provider {

    @Override
    public String name() {
      return "opencl";
    }

    @Override
    public int preference() {
      return 1;
    }

    @Override
    public Backend open(int threads) {
      return new TornadoGpu(name(), Tornado.ANY);
    }

    @Override
    public Backend open(int threads, int device) {
      return new TornadoGpu(name(), device);
    }
  }

  /** TornadoVM's backend for NVIDIA's PTX. */
  public static final class PtxProvider implements Provider {

    @Override
    public String name() {
      return "ptx";
    }

    @Override
    public int preference() {
      return 2;
    }

    @Override
    public Backend open(int threads) {
      return new TornadoGpu(name(), Tornado.ANY);
    }

    @Override
    public Backend open(int threads, int device) {
      return new TornadoGpu(name(), device);
    }
  }

  /** TornadoVM's backend for CUDA C, which takes the place of PTX from TornadoVM 5.2 on and calls NVIDIA's libraries. */
  public static final class CudaProvider implements Provider {

    @Override
    public String name() {
      return "cuda";
    }

    @Override
    public int preference() {
      return 3;
    }

    @Override
    public Backend open(int threads) {
      return new TornadoGpu(name(), Tornado.ANY);
    }

    @Override
    public Backend open(int threads, int device) {
      return new TornadoGpu(name(), device);
    }
  }
}
