package io.github.lora4j.bench;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.AdapterValues;
import io.github.lora4j.lora.ModelDescription;
import io.github.lora4j.models.PackedBatch;
import io.github.lora4j.models.SequenceClassifier;
import io.github.lora4j.models.Targets;
import io.github.lora4j.models.bert.BertConfig;
import io.github.lora4j.train.TaskProgram;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.Loss;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Scanner;

/**
 * Times whole training steps of an encoder with LoRA on q and v: random weights, full-length sequences, so that the arithmetic is
 * fixed. Arguments: layers hidden heads intermediate batch length rank threads steps; defaults are MiniLM, 32 × 128, r = 8.
 * With {@code --stdin} each line read runs one step, so that a peer's steps can be interleaved; {@code --profile} adds a table
 * of ops, {@code --backend=NAME} takes another than the processor.
 */
public final class StepTime implements AutoCloseable {

  private final Backend backend;
  private final Executable executable;
  private final TaskProgram program;
  private int step;

  StepTime(BertConfig config, int batch, int length, int rank, int threads, String backend) {
    SequenceClassifier task = new SequenceClassifier(config, 2, Loss.CROSS_ENTROPY);
    Adapter adapter = AdapterMethod.named("lora").create(Map.of("r", rank, "lora_alpha", 2 * rank, "target_modules", List.of("query", "value"),
        "task_type", "SEQ_CLS"), ModelDescription.of("bert", task.modules()));
    OptimizerSpec optimizer = new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.01, 0.0), 0);
    program = TaskProgram.record(task, adapter, new TaskProgram.Capacity(batch * length, batch, length), Optional.of(optimizer));
    this.backend = Backend.open(backend, threads);
    executable = this.backend.compile(program.program(), CompileOptions.DEFAULT);
    Random random = new Random(7);
    try (AdapterValues values = new AdapterValues(adapter.parameters()).initialise(7)) {
      TaskProgram.load(executable, List.of((parameter, as, target) -> {
        boolean own = adapter.parameters().stream().anyMatch(p -> p.slot().equals(parameter.name()) && !p.ofBase());
        if (own) {
          MemorySegment.copy(values.get(parameter.name()), 0, target, 0, target.byteSize());
          return true;
        }
        boolean one = parameter.name().endsWith("LayerNorm.weight");
        for (long i = 0; i < target.byteSize() / 4; i++) {
          target.setAtIndex(ValueLayout.JAVA_FLOAT, i, one ? 1 : (float) random.nextGaussian() * 0.02f);
        }
        return true;
      }));
    }
    PackedBatch packed = new PackedBatch(program.in());
    Targets targets = task.targets(program.in(), program.program());
    for (int i = 0; i < batch; i++) {
      packed.add(random.ints(length, 0, config.vocabSize()).toArray(), new int[length], i);
      targets.add(new float[] {i % 2});
    }
    packed.write(executable, 7, 0);
    targets.write(executable);
  }

  double step() {
    long start = System.nanoTime();
    executable.run("accumulate");
    step++;
    Value hyper = program.program().slot(TaskProgram.HYPER).orElseThrow();
    executable.write(hyper, new float[] {1e-3f, 1e-3f, (float) (1 - Math.pow(0.9, step)), (float) (1 - Math.pow(0.999, step))}, 4);
    executable.run("apply");
    // As the trainer does, and so that a device has finished.
    executable.floats(program.program().slot(TaskProgram.REPORT).orElseThrow());
    return (System.nanoTime() - start) / 1e9;
  }

  void profile() {
    Map<String, long[]> byOp = new LinkedHashMap<>();
    executable.profile("accumulate").forEach(time -> {
      String key = time.op().startsWith("Linear") ? time.op() + " " + time.output().replaceAll(".*(query|key|value|dense|classifier|pooler).*", "$1") : time.op();
      long[] sum = byOp.computeIfAbsent(time.op().startsWith("Linear") ? time.op() + " " + time.flops() / 1_000_000 + " MFLOP" : key, k -> new long[3]);
      sum[0] += time.nanos();
      sum[1] += time.flops();
      sum[2]++;
    });
    long total = byOp.values().stream().mapToLong(s -> s[0]).sum();
    System.out.printf("%-40s %5s %9s %7s %9s%n", "op", "count", "ms", "share", "GFLOP/s");
    byOp.entrySet().stream().sorted(Comparator.comparingLong(e -> -e.getValue()[0])).forEach(e -> System.out.printf("%-40s %5d %9.2f %6.1f%% %9.1f%n",
        e.getKey(), e.getValue()[2], e.getValue()[0] / 1e6, 100.0 * e.getValue()[0] / total, (double) e.getValue()[1] / e.getValue()[0]));
  }

  @Override
  public void close() {
    executable.close();
    backend.close();
  }

  public static void main(String[] args) {
    List<String> options = Arrays.stream(args).filter(a -> a.startsWith("--")).toList();
    int[] n = Arrays.stream(args).filter(a -> !a.startsWith("--")).mapToInt(Integer::parseInt).toArray();
    int[] d = {6, 384, 12, 1536, 32, 128, 8, 0, 9};
    System.arraycopy(n, 0, d, 0, n.length);
    BertConfig config = new BertConfig(30522, d[1], d[0], d[2], d[3], Activation.GELU, 512, 2, 1e-12, 0.02, List.of());
    String backend = options.stream().filter(option -> option.startsWith("--backend=")).map(option -> option.substring("--backend=".length())).findFirst()
        .orElse("cpu");
    try (StepTime bench = new StepTime(config, d[4], d[5], d[6], d[7], backend)) {
      System.out.printf("%s; %d layers x %d, %d x %d tokens, r=%d; %.1f GFLOP a step; %d MB native%n", bench.backend.describe(), d[0], d[1], d[4], d[5],
          d[6], bench.program.program().entries().get("accumulate").flops() / 1e9, bench.executable.bytes() >> 20);
      if (options.contains("--stdin")) {
        Scanner in = new Scanner(System.in);
        while (in.hasNextLine() && !in.nextLine().isBlank()) {
          System.out.printf("%.4f%n", bench.step());
          System.out.flush();
        }
        return;
      }
      for (int i = 0; i < 4; i++) {
        System.out.printf("warm-up %.3f s%n", bench.step());
      }
      double[] times = new double[d[8]];
      for (int i = 0; i < times.length; i++) {
        times[i] = bench.step();
      }
      Arrays.sort(times);
      System.out.printf("median %.3f s, min %.3f, max %.3f; %.1f GFLOP/s%n", times[times.length / 2], times[0], times[times.length - 1],
          bench.program.program().entries().get("accumulate").flops() / 1e9 / times[times.length / 2]);
      if (options.contains("--profile")) {
        bench.profile();
      }
    }
  }
}
