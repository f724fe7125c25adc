package io.github.lora4j.bench.peers;

import com.github.tjake.jlama.tensor.FloatBufferTensor;
import com.github.tjake.jlama.tensor.operations.PanamaTensorOperations;
import com.github.tjake.jlama.tensor.operations.TensorOperations;
import com.github.tjake.jlama.util.MachineSpec;
import com.github.tjake.jlama.util.PhysicalCoreExecutor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * Jlama's tensor operations on whole batches of rows, cut as its model code cuts them: the columns of Y in as many chunks as the
 * operations ask for, which is the number of threads for the Vector API and 128 for the C code.
 */
final class Jlama implements Peer {

  private static final String NATIVE = "com.github.tjake.jlama.tensor.operations.NativeSimdTensorOperations";

  private final TensorOperations operations;
  private final int threads;

  /** With {@code library}, the C code of jlama-native; otherwise the Vector API. */
  Jlama(int threads, boolean library) throws ReflectiveOperationException {
    this.threads = threads;
    setThreads(threads);
    // By name: the jar of the C code is compiled against nothing here, and may be absent on other platforms.
    operations = library
        ? (TensorOperations) Class.forName(NATIVE).getConstructor().newInstance()
        : new PanamaTensorOperations(MachineSpec.VECTOR_TYPE);
  }

  /** Its pool's size can be set once per process, and both forms use the same pool. */
  private static void setThreads(int threads) {
    try {
      PhysicalCoreExecutor.overrideThreadCount(threads);
    } catch (IllegalStateException e) {
      if (PhysicalCoreExecutor.instance.get().getCoreCount() != threads) {
        throw e;
      }
    }
  }

  @Override
  public String name() {
    return "Jlama " + Peer.version(TensorOperations.class) + " " + (operations instanceof PanamaTensorOperations ? "Vector API" : "native");
  }

  @Override
  public String weight() {
    return "read where it lies";
  }

  @Override
  public int threads() {
    return PhysicalCoreExecutor.instance.get().getCoreCount();
  }

  @Override
  public Product product(int m, int n, int k, float[] x, float[] w) {
    FloatBufferTensor input = tensor(m, k, x);
    FloatBufferTensor weight = tensor(n, k, w);
    FloatBufferTensor output = new FloatBufferTensor(m, n);
    int chunks = Math.min(n, operations.parallelSplitSize());
    int chunk = n / chunks;
    IntConsumer part = i -> operations.dotProductChunk(output, input, weight, 0, k, i * chunk, i == chunks - 1 ? n - i * chunk : chunk);
    return new Product() {
      @Override
      public void run() {
        if (threads == 1) {
          // On the calling thread, whose CPU time is taken.
          IntStream.range(0, chunks).forEach(part);
        } else {
          PhysicalCoreExecutor.instance.get().execute(() -> IntStream.range(0, chunks).parallel().forEach(part));
        }
      }

      @Override
      public float[] result() {
        return output.getMemorySegment().asSlice(0, 4L * m * n).toArray(ValueLayout.JAVA_FLOAT);
      }

      @Override
      public void close() {}
    };
  }

  private static FloatBufferTensor tensor(int rows, int columns, float[] values) {
    FloatBufferTensor tensor = new FloatBufferTensor(rows, columns);
    MemorySegment.copy(values, 0, tensor.getMemorySegment(), ValueLayout.JAVA_FLOAT, 0, values.length);
    return tensor;
  }
}
