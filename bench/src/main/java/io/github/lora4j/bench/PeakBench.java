package io.github.lora4j.bench;

import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import io.github.lora4j.vector.internal.Simd;
import io.github.lora4j.vector.internal.gemm.VectorGemms;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What one thread of the machine can do at most, in nanoseconds: what {@link KernelTable} holds the kernels' times against. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 5, jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class PeakBench {

  private static final int DEPTH = 256;
  static final int COPIED = RowsBench.ROWS * RowsBench.COLS;
  static final long READ_BYTES = 1L << 30;

  private final Memory memory = new Memory("bench");
  private final Workers workers = new Workers(1);
  private MemorySegment small;
  private MemorySegment out;
  private MemorySegment large;
  private MemorySegment sums;

  /** Allocates the buffers. */
  @Setup
  public void setup() {
    small = memory.allocate(1 << 17, "operand");
    out = memory.allocate(1 << 17, "result");
    large = memory.allocate(READ_BYTES, "what is read");
    large.fill((byte) 1);
    sums = memory.allocate(64, "sums");
  }

  @TearDown
  public void close() {
    workers.close();
    memory.close();
  }

  /** Operations of {@link #tile}. */
  static long tileFlops() {
    try (Memory memory = new Memory("tile")) {
      MemorySegment data = memory.allocate(1 << 17, "operands");
      return VectorGemms.tileFlops(data, data, memory.allocate(1 << 17, "result"), DEPTH, 1);
    }
  }

  /** The widest micro-kernel on data in the first cache. */
  @Benchmark
  public long tile() {
    return VectorGemms.tileFlops(small, small, out, DEPTH, 1);
  }

  /** A copy of as many floats as the elementwise benchmarks have, in cache. */
  @Benchmark
  public void copy() {
    for (long at = 0; at < 4L * COPIED; at += Simd.BYTES) {
      Simd.load(small, at).intoMemorySegment(out, at, ByteOrder.nativeOrder());
    }
  }

  /** A GiB from memory. */
  @Benchmark
  public void read() {
    GemvBandwidth.read(workers, large, sums);
  }
}
