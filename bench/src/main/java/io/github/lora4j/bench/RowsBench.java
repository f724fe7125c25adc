package io.github.lora4j.bench;

import io.github.lora4j.vector.AdamScalars;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.internal.Losses;
import io.github.lora4j.vector.internal.Simd;
import io.github.lora4j.vector.internal.VectorMath;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Nanoseconds per element of functions, of kernels over rows and of optimizers, eight rows of 768 floats in cache, one thread. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 5, jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
@OperationsPerInvocation(RowsBench.ROWS * RowsBench.COLS)
public class RowsBench {
  static final int ROWS = 8;
  static final int COLS = 768;
  private static final int HEADS = 12;

  private final Kernels kernels = KernelProvider.select("vector");
  private final Memory memory = new Memory("bench");
  private final AdamScalars adam = new AdamScalars();
  private MemorySegment x;
  private MemorySegment y;
  private MemorySegment out;
  private MemorySegment moment1;
  private MemorySegment moment2;
  private MemorySegment stats;
  private MemorySegment ids;
  private MemorySegment rowKeys;
  private MemorySegment random;
  private MemorySegment negative;

  /** Fills the buffers. */
  @Setup
  public void setup() {
    Random numbers = new Random(1);
    x = normal(numbers);
    y = normal(numbers);
    out = normal(numbers);
    moment1 = normal(numbers);
    moment2 = memory.allocate(4L * ROWS * COLS, "data");
    stats = memory.allocate(ROWS * 8, "statistics");
    rowKeys = memory.allocate(ROWS * 8, "row keys");
    random = memory.allocate(12, "random");
    ids = memory.allocate(4 * ROWS, "ids");
    for (int i = 0; i < ROWS; i++) {
      ids.setAtIndex(ValueLayout.JAVA_INT, i, ROWS - 1 - i);
    }
    negative = memory.allocate(4L * ROWS * COLS, "data");
    for (int i = 0; i < ROWS * COLS; i++) {
      negative.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) -Math.abs(numbers.nextGaussian()));
    }
    adam.lr = 1e-4;
    adam.beta1 = 0.9;
    adam.beta2 = 0.999;
    adam.eps = 1e-8;
    adam.decoupled = true;
    adam.gradScale = 1;
    adam.biasCorrection1 = 0.5;
    adam.biasCorrection2 = 0.01;
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

  /** The vector function alone, as softmax and the activations have it: exact for what is not above 1. */
  @Benchmark
  public void exp() {
    for (long at = 0; at < 4L * ROWS * COLS; at += Simd.BYTES) {
      VectorMath.expOfNegative(Simd.load(negative, at)).intoMemorySegment(out, at, ByteOrder.nativeOrder());
    }
  }

  @Benchmark
  public double softmax() {
    double sum = 0;
    for (int i = 0; i < ROWS; i++) {
      sum += Losses.softmax(x, out, 4L * i * COLS, 4L * COLS, 4L * i * COLS);
    }
    return sum;
  }

  @Benchmark
  public void layerNorm() {
    kernels.layerNorm(x, y, y, out, stats, COLS, 1e-5, 0, ROWS);
  }

  @Benchmark
  public void layerNormGrad() {
    kernels.layerNormGrad(y, x, stats, y, MemorySegment.NULL, out, COLS, 0, ROWS);
  }

  @Benchmark
  public void dropout() {
    kernels.dropout(x, rowKeys, random, 7, 0.1, out, COLS, 0, ROWS);
  }

  @Benchmark
  public void rmsNorm() {
    kernels.rmsNorm(x, y, out, stats, COLS, 1e-5, 0, ROWS);
  }

  @Benchmark
  public void rmsNormGrad() {
    kernels.rmsNormGrad(y, x, stats, y, MemorySegment.NULL, out, COLS, 0, ROWS);
  }

  @Benchmark
  public void gather() {
    kernels.gather(new Kernels.Table(x, WeightFormat.F32, MemorySegment.NULL), ids, y, out, COLS, 0, ROWS);
  }

  @Benchmark
  public void rope() {
    kernels.rope(x, ids, y, out, new Kernels.Turn(HEADS, COLS / HEADS, COLS / HEADS, false), false, 0, ROWS);
  }

  @Benchmark
  public void l2Normalize() {
    kernels.l2Normalize(x, out, stats, COLS, 1e-12, 0, ROWS);
  }

  @Benchmark
  public void crossEntropy() {
    kernels.loss(Loss.CROSS_ENTROPY, x, ids, stats, COLS, 0, ROWS);
  }

  @Benchmark
  public void crossEntropyGrad() {
    kernels.lossGrad(Loss.CROSS_ENTROPY, x, ids, out, COLS, 0, ROWS);
  }

  @Benchmark
  public void adamw() {
    kernels.adam(out, y, moment1, moment2, 0, ROWS * COLS, adam);
  }

  @Benchmark
  public double sumSquares() {
    return kernels.sumSquares(x, 0, ROWS * COLS);
  }
}
