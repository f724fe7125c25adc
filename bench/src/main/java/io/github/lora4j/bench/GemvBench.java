package io.github.lora4j.bench;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Gemm.Form;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
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

/** One row times a GiB of packed weights, one thread. Interleaved with reading alone: {@link GemvBandwidth}. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 5, jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class GemvBench {

  static final long BYTES = 1L << 30;
  private static final int DEPTH = 4096;

  @Param({"F32", "BF16", "F16"})
  public DType storage;

  private final Memory memory = new Memory("bench");
  private final Workers workers = new Workers(1);
  private Gemm gemm;

  /** Fills the weights. */
  @Setup
  public void setup() {
    Kernels kernels = KernelProvider.select("vector");
    int n = (int) (BYTES / storage.bytes() / DEPTH);
    Gemm.Spec spec = new Gemm.Spec(Form.NT, 1, 1, n, DEPTH, 1, true, new Elements(storage));
    MemorySegment scratch = memory.allocate(kernels.gemmScratchBytes(spec, 1), "scratch");
    gemm = kernels.gemm(spec, new Gemm.Operands(memory.allocate(4L * DEPTH, "A"), GemvBandwidth.weights(memory, BYTES, storage),
        MemorySegment.NULL, MemorySegment.NULL, memory.allocate(4L * n, "C"), scratch));
  }

  @TearDown
  public void close() {
    workers.close();
    memory.close();
  }

  @Benchmark
  public void row() {
    gemm.run(workers, 1);
  }
}
