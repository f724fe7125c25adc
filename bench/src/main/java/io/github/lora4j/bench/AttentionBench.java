package io.github.lora4j.bench;

import io.github.lora4j.vector.AttentionSpec;
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
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Microseconds for all heads of one segment, 384 wide, one thread. GFLOP/s: 1.536e-3·length²/µs forward, 3.84e-3·length²/µs for the
 * gradient.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 5, jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class AttentionBench {
  static final int WIDTH = 384;

  @Param({"32", "64"})
  public int headDim;

  @Param({"13", "32", "128", "256"})
  public int length;

  private final Kernels kernels = KernelProvider.select("vector");
  private final Memory memory = new Memory("bench");
  private final MemorySegment[] rows = new MemorySegment[8];
  private AttentionSpec spec;
  private MemorySegment lse;
  private MemorySegment scratch;

  /** Fills the buffers and runs the forward pass, whose results the gradient reads. */
  @Setup
  public void setup() {
    spec = new AttentionSpec(WIDTH / headDim, WIDTH / headDim, headDim, (float) (1 / Math.sqrt(headDim)), false);
    Random numbers = new Random(1);
    for (int i = 0; i < rows.length; i++) {
      rows[i] = memory.allocate(4L * length * WIDTH, "rows");
      for (int j = 0; j < length * WIDTH; j++) {
        rows[i].setAtIndex(ValueLayout.JAVA_FLOAT, j, (float) numbers.nextGaussian());
      }
    }
    lse = memory.allocate(4L * length * spec.heads(), "lse");
    scratch = memory.allocate(kernels.attentionScratchBytes(spec, length), "scratch");
    forward();
  }

  @TearDown
  public void close() {
    memory.close();
  }

  @Benchmark
  public void forward() {
    for (int head = 0; head < spec.heads(); head++) {
      kernels.attention(spec, rows[0], rows[1], rows[2], AttentionSpec.Bias.NONE, rows[3], lse, 0, length, 0, length, 0, head, scratch);
    }
  }

  @Benchmark
  public void gradient() {
    for (int head = 0; head < spec.heads(); head++) {
      kernels.attentionGrad(spec, rows[0], rows[1], rows[2], AttentionSpec.Bias.NONE, lse, rows[4], rows[5], rows[6], rows[7], 0, length, 0,
          length, 0, head, scratch);
    }
  }
}
