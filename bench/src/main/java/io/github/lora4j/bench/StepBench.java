package io.github.lora4j.bench;

import io.github.lora4j.cli.bench.TrainingStep;
import io.github.lora4j.graph.Backend;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Whole training steps of MiniLM's and BERT-base's shapes with LoRA, sequences of 128 tokens, all processors. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 8)
@Measurement(iterations = 9)
@Fork(value = 5, jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class StepBench {

  private static final int LENGTH = 128;

  @Param({"minilm", "bert-base"})
  public String shape;

  @Param({"1", "16"})
  public int batch;

  private Backend backend;
  private TrainingStep step;

  /** Compiles the program. */
  @Setup
  public void setup() {
    backend = Backend.open("cpu", 0);
    step = new TrainingStep(shape.equals("minilm") ? TrainingStep.Shape.minilm(batch, LENGTH) : TrainingStep.Shape.bertBase(batch, LENGTH), backend);
  }

  @TearDown
  public void close() {
    step.close();
    backend.close();
  }

  @Benchmark
  public double step() {
    return step.step();
  }
}
