package io.github.lora4j.bench;

import io.github.lora4j.vector.Gemm.Form;
import io.github.lora4j.vector.Workers;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Matrix products by shape (m x n x k), form, storage of B and threads. For comparison with oneDNN see {@link GemmPeers}. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 5, jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class GemmBench {

  @Param({"512x768x768", "4096x384x384", "4096x1536x384", "400x384x384", "4096x8x384", "4096x384x8"})
  public String shape;

  @Param({"NT", "NN", "TN"})
  public Form form;

  /** F32, BF16 or F16: packed once; live: packed at each call. TN is always live. */
  @Param("F32")
  public String storage;

  @Param("1")
  public int threads;

  private Workers workers;
  private GemmCase product;

  @Setup(Level.Trial)
  public void prepare() {
    workers = new Workers(threads);
    product = new GemmCase(shape, form, storage, threads);
  }

  @TearDown(Level.Trial)
  public void release() {
    workers.close();
    product.close();
  }

  @Benchmark
  public void multiply() {
    product.ours(workers);
  }
}
