package io.github.lora4j.bench;

import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Nanoseconds per element of activations and their gradients on eight rows of 768 floats, in cache, one thread. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 5, jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
@OperationsPerInvocation(ElementwiseBench.ROWS * ElementwiseBench.COLS)
public class ElementwiseBench {
  static final int ROWS = 8;
  static final int COLS = 768;

  @Param({"GELU", "GELU_TANH", "SILU", "TANH"})
  public Activation function;

  private final Kernels kernels = KernelProvider.select("vector");
  private final Memory memory = new Memory("bench");
  private MemorySegment x;
  private MemorySegment y;
  private MemorySegment out;

  /** Fills the buffers. */
  @Setup
  public void setup() {
    Random numbers = new Random(1);
    x = normal(numbers);
    y = normal(numbers);
    out = normal(numbers);
  }

  private MemorySegment normal(Random numbers) {
    MemorySegment s = memory.allocate(4L * ROWS * COLS, "data");
    for (int i = 0; i < ROWS * COLS; i++) {
      s.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) numbers.nextGaussian());
    }
    return s;
  }

  @TearDown
  public void close() {
    memory.close();
  }

  @Benchmark
  public void activation() {
    kernels.activation(function, x, out, 0, ROWS * COLS);
  }

  @Benchmark
  public void activationGrad() {
    kernels.activationGrad(function, x, y, out, 0, ROWS * COLS);
  }
}
