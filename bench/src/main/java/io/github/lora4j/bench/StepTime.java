package io.github.lora4j.bench;

import io.github.lora4j.cli.bench.TrainingStep;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.vector.WeightFormats;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Scanner;

/**
 * Times whole training steps of an encoder with LoRA on q and v: random weights, full-length sequences, so that the arithmetic is
 * fixed. Arguments: layers hidden heads intermediate batch length rank threads steps; defaults are MiniLM, 32 × 128, r = 8.
 * With {@code --stdin} each line read runs one step, so that a peer's steps can be interleaved; {@code --profile} adds a table
 * of ops, each the median of nine steps, {@code --backend=NAME} takes another than the processor, {@code --llama} a Llama that predicts every next
 * token, {@code --deberta} a DeBERTa of version 3 with AdaLoRA.
 * {@code --weights=f32,q8_0,nf4} times steps with frozen weights in each of these formats, interleaved, and divides them by those of the first.
 */
public final class StepTime {

  private static final int PROFILED = 9;

  private StepTime() {}

  private static void profile(Executable executable) {
    List<List<Executable.OpTime>> steps = new ArrayList<>();
    for (int i = 0; i < PROFILED; i++) {
      steps.add(executable.profile("accumulate"));
    }
    Map<String, long[]> byOp = new LinkedHashMap<>();
    for (int i = 0; i < steps.getFirst().size(); i++) {
      int at = i;
      Executable.OpTime time = steps.getFirst().get(i);
      String key = time.op().startsWith("Linear") ? time.op() + " " + time.flops() / 1_000_000 + " MFLOP" : time.op();
      long[] sum = byOp.computeIfAbsent(key, k -> new long[3]);
      sum[0] += steps.stream().mapToLong(step -> step.get(at).nanos()).sorted().skip(PROFILED / 2).findFirst().orElseThrow();
      sum[1] += time.flops();
      sum[2]++;
    }
    long total = byOp.values().stream().mapToLong(s -> s[0]).sum();
    System.out.printf("%-40s %5s %9s %7s %9s%n", "op", "count", "ms", "share", "GFLOP/s");
    byOp.entrySet().stream().sorted(Comparator.comparingLong(e -> -e.getValue()[0])).forEach(e -> System.out.printf("%-40s %5d %9.2f %6.1f%% %9.1f%n",
        e.getKey(), e.getValue()[2], e.getValue()[0] / 1e6, 100.0 * e.getValue()[0] / total, (double) e.getValue()[1] / e.getValue()[0]));
  }

  private static Optional<String> value(List<String> options, String key) {
    return options.stream().filter(option -> option.startsWith(key)).map(option -> option.substring(key.length())).findFirst();
  }

  private static void compare(TrainingStep.Shape shape, Backend backend, String[] formats, int steps) {
    TrainingStep[] benches = new TrainingStep[formats.length];
    double[][] times = new double[formats.length][steps];
    double[][] ratios = new double[formats.length][steps];
    for (int i = 0; i < formats.length; i++) {
      benches[i] = new TrainingStep(shape, backend, new CompileOptions(WeightFormats.named(formats[i])));
      for (int step = 0; step < 4; step++) {
        benches[i].step();
      }
    }
    for (int step = 0; step < steps; step++) {
      for (int i = 0; i < formats.length; i++) {
        times[i][step] = benches[i].step();
        ratios[i][step] = times[i][step] / times[0][step];
      }
    }
    System.out.printf("%s, %d steps each, in turn%n%-8s %10s %10s %24s%n", backend.describe(), steps, "weights", "MB native", "median s",
        "of the first, quartiles");
    for (int i = 0; i < formats.length; i++) {
      Arrays.sort(times[i]);
      Arrays.sort(ratios[i]);
      System.out.printf("%-8s %10d %10.4f %8.3f (%.3f to %.3f)%n", formats[i], benches[i].executable().bytes() >> 20, times[i][steps / 2],
          ratios[i][steps / 2], ratios[i][steps / 4], ratios[i][steps * 3 / 4]);
      benches[i].close();
    }
  }

  public static void main(String[] args) {
    List<String> options = Arrays.stream(args).filter(a -> a.startsWith("--")).toList();
    int[] n = Arrays.stream(args).filter(a -> !a.startsWith("--")).mapToInt(Integer::parseInt).toArray();
    int[] d = {6, 384, 12, 1536, 32, 128, 8, 0, 9};
    System.arraycopy(n, 0, d, 0, n.length);
    String name = value(options, "--backend=").orElse("cpu");
    TrainingStep.Shape shape = new TrainingStep.Shape("step", options.contains("--llama") ? TrainingStep.Family.LLAMA
        : options.contains("--deberta") ? TrainingStep.Family.DEBERTA : TrainingStep.Family.BERT, d[0], d[1], d[2], d[3], d[4], d[5], d[6]);
    Optional<String> formats = value(options, "--weights=");
    if (formats.isPresent()) {
      try (Backend backend = Backend.open(name, d[7])) {
        compare(shape, backend, formats.get().split(","), d[8]);
      }
      return;
    }
    try (Backend backend = Backend.open(name, d[7]); TrainingStep bench = new TrainingStep(shape, backend)) {
      System.out.printf("%s; %d layers x %d, %d x %d tokens, r=%d; %.1f GFLOP a step; %d MB native%n", backend.describe(), d[0], d[1], d[4], d[5],
          d[6], bench.flops() / 1e9, bench.executable().bytes() >> 20);
      if (options.contains("--stdin")) {
        Scanner in = new Scanner(System.in, StandardCharsets.UTF_8);
        while (in.hasNextLine() && !in.nextLine().isBlank()) {
          System.out.printf("%.4f%n", bench.step());
          System.out.flush();
        }
        return;
      }
      for (int i = 0; i < 4; i++) {
        System.out.printf("warm-up %.4f s%n", bench.step());
      }
      double[] times = new double[d[8]];
      for (int i = 0; i < times.length; i++) {
        times[i] = bench.step();
      }
      Arrays.sort(times);
      System.out.printf("median %.4f s, min %.4f, max %.4f; %.1f GFLOP/s%n", times[times.length / 2], times[0], times[times.length - 1],
          bench.flops() / 1e9 / times[times.length / 2]);
      if (options.contains("--profile")) {
        profile(bench.executable());
      }
    }
  }
}
