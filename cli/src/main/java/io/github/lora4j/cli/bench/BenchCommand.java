package io.github.lora4j.cli.bench;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.vector.BackendException;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lora4j bench}: what this machine does, on the processor and on every device that can be used. */
@Command(name = "bench", mixinStandardHelpOptions = true, sortOptions = false,
    description = "Measures training steps and kernels on the processor and on every GPU that can be used, and writes a report; or compares two "
        + "reports.",
    footer = {"", "With --backend the launcher starts Java so that GPUs can be used: ./lora4j bench --backend opencl"})
public final class BenchCommand implements Callable<Integer> {

  private static final long WARM_NANOS = 3_000_000_000L;

  @Spec
  private CommandSpec spec;

  @Option(names = "--set", paramLabel = "NAME", defaultValue = "all",
      description = "What is measured: steps, kernels or all (default: ${DEFAULT-VALUE}).")
  private String set;

  @Option(names = "--shapes", paramLabel = "A,B", split = ",", defaultValue = "minilm",
      description = "Models of the steps: minilm, bert-base, stories15m (default: "
      + "${DEFAULT-VALUE}).")
  private List<String> shapes;

  @Option(names = "--batches", paramLabel = "N,N", split = ",", defaultValue = "1,4,16,32",
      description = "Sequences of a step (default: ${DEFAULT-VALUE}).")
  private List<Integer> batches;

  @Option(names = "--length", paramLabel = "N", defaultValue = "128", description = "Tokens of a sequence (default: ${DEFAULT-VALUE}).")
  private int length;

  @Option(names = "--samples", paramLabel = "N", defaultValue = "9", description = "Repetitions that count (default: ${DEFAULT-VALUE}).")
  private int samples;

  @Option(names = "--backend", paramLabel = "NAME",
      description = "A backend that must be usable beside the processor; default: all that are.")
  private String backend;

  @Option(names = "--threads", paramLabel = "N", defaultValue = "0", description = "Worker threads; 0: all processors.")
  private int threads;

  @Option(names = "--output", paramLabel = "DIR", defaultValue = "lora4j-bench",
      description = "Where bench.json, bench.md and bench.html go (default: "
      + "${DEFAULT-VALUE}).")
  private Path output;

  @Option(names = "--compare", description = "Compare two reports, the earlier first, instead of measuring.")
  private boolean compare;

  @Parameters(paramLabel = "REPORT", arity = "0..2", description = "With --compare: two bench.json files.")
  private List<Path> reports = new ArrayList<>();

  private PrintWriter out;

  @Override
  public Integer call() {
    out = spec.commandLine().getOut();
    if (compare) {
      if (reports.size() != 2) {
        throw new ConfigException("--compare needs two bench.json files, the earlier first; got %d".formatted(reports.size()));
      }
      out.print(BenchComparison.of(BenchResult.read(reports.getFirst()), BenchResult.read(reports.getLast())).text());
      out.flush();
      return 0;
    }
    check();
    List<String> warnings = new ArrayList<>();
    Machine.busy().ifPresent(warnings::add);
    Map<String, String> machine = Machine.facts();
    warnings.forEach(warning -> out.println("warning: " + warning));
    List<Measurement> all = new ArrayList<>();
    Map<String, Backend> backends = backends();
    try {
      backends.values().forEach(used -> out.println(used.describe()));
      if (!set.equals("kernels")) {
        steps(backends, all, machine);
      }
      if (!set.equals("steps")) {
        say("kernels");
        all.addAll(new KernelSet((CpuBackend) Objects.requireNonNull(backends.get("cpu"), "kernels are asked for with cpu alone"),
            samples).measure());
      }
      Machine.peakMemory().ifPresent(peak -> machine.put("most memory of the process", peak));
      write(new BenchResult(machine, backends.values().stream().map(Backend::describe).toList(), warnings, all));
    } finally {
      backends.values().forEach(Backend::close);
    }
    return 0;
  }

  private void check() {
    if (!List.of("all", "steps", "kernels").contains(set)) {
      throw new ConfigException("--set must be steps, kernels or all, got " + set);
    }
    if (samples < 2 || length < 1 || length > 512 || batches.stream().anyMatch(batch -> batch < 1)) {
      throw new ConfigException("--samples must be at least 2, --length in 1 to 512, every batch at least 1");
    }
    if (!reports.isEmpty()) {
      throw new ConfigException("reports are compared with --compare; nothing else takes them");
    }
    shapes.forEach(name -> shape(name, 1));
  }

  private TrainingStep.Shape shape(String name, int batch) {
    return switch (name) {
      case "minilm" -> TrainingStep.Shape.minilm(batch, length);
      case "bert-base" -> TrainingStep.Shape.bertBase(batch, length);
      case "stories15m" -> TrainingStep.Shape.stories15m(batch, length);
      default -> throw new ConfigException("--shapes: there are minilm, bert-base and stories15m, not " + name);
    };
  }

  /** The processor first, then what else can be used, or what was asked for. */
  private Map<String, Backend> backends() {
    Map<String, Backend> open = new LinkedHashMap<>();
    open.put("cpu", Backend.open("cpu", threads));
    try {
      if (backend != null && !backend.equals("auto")) {
        if (!backend.equals("cpu")) {
          open.put(backend, Backend.open(backend, threads));
        }
        return open;
      }
      for (Backend.Provider provider : ServiceLoader.load(Backend.Provider.class)) {
        if (provider.preference() > 0) {
          Backend other = provider.open(threads);
          if (other.unusable().isPresent()) {
            out.println("without %s: %s".formatted(provider.name(), other.unusable().get()));
            other.close();
          } else {
            open.put(provider.name(), other);
          }
        }
      }
      return open;
    } catch (BackendException e) {
      open.values().forEach(Backend::close);
      throw e;
    }
  }

  private void steps(Map<String, Backend> backends, List<Measurement> all, Map<String, String> machine) {
    for (String name : shapes) {
      for (int batch : batches) {
        Map<String, TrainingStep> open = new LinkedHashMap<>();
        try {
          for (Map.Entry<String, Backend> entry : backends.entrySet()) {
            say("%s, %d x %d tokens on %s".formatted(name, batch, length, entry.getKey()));
            TrainingStep step = new TrainingStep(shape(name, batch), entry.getValue());
            open.put(entry.getKey(), step);
            step.executable().progress(this::say);
            warm(step);
            machine.putIfAbsent("from JVM start to the first warm step", "%.1f s (with random weights, and %s)".formatted(
                (System.currentTimeMillis() - ManagementFactory.getRuntimeMXBean().getStartTime()) / 1e3,
                "until steps no longer got faster"));
          }
          measure(shape(name, batch), open, all);
        } catch (ResourceException e) {
          out.println("%s, %d x %d: left out: %s".formatted(name, batch, length, e.getMessage()));
        } finally {
          open.values().forEach(TrainingStep::close);
        }
      }
    }
  }

  /** At least three seconds, until three steps on end are no faster than the fastest before: compilers are done by then. */
  private static void warm(TrainingStep step) {
    long start = System.nanoTime();
    double best = Double.POSITIVE_INFINITY;
    int slower = 0;
    while (slower < 3 || System.nanoTime() - start < WARM_NANOS) {
      double seconds = step.step();
      slower = seconds > 0.98 * best ? slower + 1 : 0;
      best = Math.min(best, seconds);
    }
  }

  /** Backends take turns. */
  private void measure(TrainingStep.Shape shape, Map<String, TrainingStep> open, List<Measurement> all) {
    Map<String, double[]> seconds = new LinkedHashMap<>();
    Map<String, Double> joules = new LinkedHashMap<>();
    for (int i = 0; i < samples; i++) {
      int sample = i;
      open.forEach((backend, step) -> {
        OptionalDouble before = Machine.joules();
        seconds.computeIfAbsent(backend, key -> new double[samples])[sample] = step.step();
        OptionalDouble after = Machine.joules();
        if (before.isPresent() && after.isPresent() && after.getAsDouble() > before.getAsDouble()) {
          joules.merge(backend, after.getAsDouble() - before.getAsDouble(), Double::sum);
        }
      });
    }
    open.forEach((backend, step) -> {
      OptionalDouble each = joules.containsKey(backend) ? OptionalDouble.of(joules.get(backend) / samples) : OptionalDouble.empty();
      Measurement measured = new Measurement("step", shape.name(), backend, shape.batch(), shape.tokens(), step.flops(), 0,
          step.executable().bytes(), each,
          Objects.requireNonNull(seconds.get(backend), "each was measured"));
      all.add(measured);
      out.printf("  %-28s %11s  %,9.0f tokens/s  %,8.1f GFLOP/s%n", shape.name() + " x" + shape.batch() + " on " + backend,
          BenchComparison.seconds(measured.median()), measured.tokensPerSecond(), measured.gflops());
      out.flush();
    });
  }

  private void say(String what) {
    out.println("... " + what);
    out.flush();
  }

  private void write(BenchResult result) {
    BenchReport report = new BenchReport(result);
    try {
      Files.createDirectories(output);
      Files.writeString(output.resolve("bench.json"), result.json(), StandardCharsets.UTF_8);
      Files.writeString(output.resolve("bench.md"), report.markdown(), StandardCharsets.UTF_8);
      Files.writeString(output.resolve("bench.html"), report.html(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new ResourceException("%s cannot be written: %s".formatted(output, e.getMessage()), e);
    }
    out.println();
    out.print(report.markdown());
    out.printf("%nreport: %s, and bench.md, bench.json beside it%n", output.resolve("bench.html"));
    out.flush();
  }
}
