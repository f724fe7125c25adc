package io.github.lora4j.cli;

import com.sun.management.OperatingSystemMXBean;
import io.github.lora4j.cli.demo.MavenHome;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Lora4jException;
import io.github.lora4j.vector.Memory;
import java.io.PrintWriter;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lora4j doctor}: what this machine offers, and what to do about what it lacks. */
@Command(name = "doctor", mixinStandardHelpOptions = true,
    description = "Looks at Java, processor, memory and backends, and says how to fix what is wrong.")
final class DoctorCommand implements Callable<Integer> {

  private static final int JAVA = 25;
  private static final long LITTLE_MEMORY = 2L << 30;
  private static final int M = 512;
  private static final int N = 768;
  private static final int K = 768;

  @Option(names = "--backend", paramLabel = "NAME", defaultValue = "cpu",
      description = "The backend that has to work: cpu, opencl, ptx or cuda (default: ${DEFAULT-VALUE}).")
  private String needed;

  @Spec
  private CommandSpec spec;

  private PrintWriter out;
  private int problems;

  @Override
  public Integer call() {
    out = spec.commandLine().getOut();
    ok("java", "%s (%s), %s".formatted(Runtime.version(), System.getProperty("java.vm.name"), System.getProperty("java.home")));
    if (Runtime.version().feature() < JAVA) {
      problem("this Java is older than " + JAVA, "install a JDK %d and set LORA4J_JAVA_HOME to it".formatted(JAVA));
    }
    JvmFaults.of(Runtime.version(), JvmFaults.options()).forEach(this::problem);
    ok("system", "%s %s, %d processors for this process".formatted(System.getProperty("os.name"), System.getProperty("os.arch"),
        Runtime.getRuntime().availableProcessors()));
    memory();
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()) {
      ok("vector", "module jdk.incubator.vector is there; that Java warns of it at every start is as it should be");
    } else {
      problem("module jdk.incubator.vector is not there", "start Java with --add-modules jdk.incubator.vector; the launcher ./lora4j does");
    }
    boolean usable = backends();
    Optional<Path> maven = MavenHome.find(System.getenv(), Path.of(System.getProperty("user.home"))).command();
    maven.ifPresentOrElse(path -> ok("maven", path.toString()),
        () -> problem("Maven was not found in MAVEN_HOME or PATH", "get it from https://maven.apache.org/download.cgi;"
            + " `lora4j demo` and building need it, training does not"));
    out.println(problems == 0 ? "no problems found" : problems + (problems == 1 ? " problem" : " problems"));
    out.flush();
    return usable ? 0 : 5;
  }

  private void memory() {
    OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long total = Memory.machineBytes();
    ok("memory", "%,d MB (the container's limit if there is one), %,d MB free; Java heap at most %,d MB".formatted(total >> 20,
        system.getFreeMemorySize() >> 20, Runtime.getRuntime().maxMemory() >> 20));
    if (total < LITTLE_MEMORY) {
      problem("less than 2 GB of memory",
          "raise the container's limit, or train with small batch_size and weights: bf16; --dry-run forecasts");
    }
  }

  /** Whether the backend that is needed works. */
  private boolean backends() {
    boolean usable = false;
    for (Backend.Provider provider : ServiceLoader.load(Backend.Provider.class)) {
      try (Backend backend = provider.open(0)) {
        Optional<String> reason = backend.unusable();
        if (reason.isPresent()) {
          lacking(provider.name(), reason.get());
          continue;
        }
        usable |= provider.name().equals(needed);
        ok("backend", backend.describe());
        if (backend instanceof CpuBackend cpu) {
          ok("speed", "%.1f GFLOP/s on %d threads (one second of %dx%dx%d products)"
              .formatted(gflops(cpu), cpu.workers().threads(), M, N, K));
          compiler(cpu);
        }
      } catch (Lora4jException e) {
        lacking(provider.name(), e.getMessage());
      }
    }
    return usable;
  }

  /** Who makes machine code, and whether the kernels' vectors are instructions in it. */
  private void compiler(CpuBackend cpu) {
    Map<String, Long> allocating = VectorProbe.allocating(cpu);
    if (allocating.isEmpty()) {
      ok("compiler", "%s; kernels make no objects of vectors".formatted(VectorProbe.compiler()));
    } else {
      ok("compiler", VectorProbe.compiler());
      problem("the compiler makes objects of vectors, not instructions, in %s: these run many times slower".formatted(
          allocating.entrySet().stream().map(kernel -> "%s (%,d bytes a call)".formatted(kernel.getKey(), kernel.getValue()))
              .collect(Collectors.joining(", "))),
          "run Java with C2: without -Xint, -XX:TieredStopAtLevel and -XX:+UseJVMCICompiler (on a GraalVM: -XX:-UseJVMCICompiler)");
    }
  }

  /** A problem where the backend is needed, else for information. */
  private void lacking(String backend, String reason) {
    if (backend.equals(needed)) {
      problem("backend %s cannot be used".formatted(backend), reason);
    } else {
      out.printf("- backend %s cannot be used: %s%n", backend, reason);
    }
  }

  private static double gflops(CpuBackend cpu) {
    Kernels kernels = cpu.kernels();
    int threads = cpu.workers().threads();
    Elements type = new Elements(kernels.dtype());
    try (Memory memory = new Memory("doctor")) {
      MemorySegment a = memory.allocate((long) M * K * type.blockBytes(), "A");
      MemorySegment source = memory.allocate((long) N * K * type.blockBytes(), "B");
      for (long i = 0; i < (long) N * K; i++) {
        source.setAtIndex(ValueLayout.JAVA_FLOAT, i, i % 7 - 3);
      }
      MemorySegment panels = memory.allocate(kernels.packedBytes(N, K, type), "panels");
      kernels.pack(N, K, source, panels, type);
      Gemm.Spec product = new Gemm.Spec(Gemm.Form.NT, M, M, N, K, 1, true, type);
      MemorySegment scratch = memory.allocate(kernels.gemmScratchBytes(product, threads), "scratch");
      MemorySegment c = memory.allocate((long) M * N * type.blockBytes(), "C");
      Gemm gemm = kernels.gemm(product, new Gemm.Operands(a, panels, MemorySegment.NULL, MemorySegment.NULL, c, scratch));
      return measure(() -> gemm.run(cpu.workers(), M));
    }
  }

  /** Half a second to warm up, then a second that counts. */
  private static double measure(Runnable product) {
    long start = System.nanoTime();
    while (System.nanoTime() - start < 500_000_000L) {
      product.run();
    }
    start = System.nanoTime();
    long runs = 0;
    long elapsed;
    do {
      product.run();
      runs++;
      elapsed = System.nanoTime() - start;
    } while (elapsed < 1_000_000_000L);
    return 2.0 * M * N * K * runs / elapsed;
  }

  private void ok(String what, String text) {
    out.printf("  %-9s %s%n", what, text);
  }

  private void problem(String text, String fix) {
    problems++;
    out.printf("! %s%n  fix: %s%n", text, fix);
  }
}
