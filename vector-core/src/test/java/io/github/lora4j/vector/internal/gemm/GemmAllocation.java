package io.github.lora4j.vector.internal.gemm;

import com.sun.management.ThreadMXBean;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Gemm.Form;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Locale;

/**
 * Counts what runs of one product allocate, over all threads. A program of its own for each product, because the compiler decides by what a
 * JVM has run before. The product is the property {@code product}: form, rows, columns of C, depth, and the storage of packed weights or
 * "live".
 */
final class GemmAllocation {

  private static final int RUNS = 200;
  /** What the JVM itself may allocate meanwhile; a vector that became an object is 80 bytes. */
  private static final long MOST = 10_000;

  private GemmAllocation() {}

  public static void main(String[] args) {
    String[] product = System.getProperty("product").split(" ");
    Form form = Form.valueOf(product[0]);
    int rows = Integer.parseInt(product[1]);
    int n = Integer.parseInt(product[2]);
    int k = Integer.parseInt(product[3]);
    boolean packed = !product[4].equals("live");
    WeightFormat storage = packed ? WeightFormats.named(product[4].toLowerCase(Locale.ROOT)) : WeightFormat.F32;
    Gemm.Spec spec = new Gemm.Spec(form, form == Form.TN ? k : rows, rows, n, k, 1, packed, storage);
    try (Memory memory = new Memory("test"); Workers workers = new Workers(2)) {
      int weightRows = form == Form.NT ? n : k;
      int weightCols = form == Form.NT ? k : n;
      long bytes = packed ? VectorGemms.packedBytes(weightRows, weightCols, spec.storage()) : 4L * n * k;
      Gemm gemm = VectorGemms.gemm(spec, new Gemm.Operands(memory.allocate(4L * rows * k, "A"), memory.allocate(bytes, "B"),
          MemorySegment.NULL, MemorySegment.NULL, memory.allocate(4L * rows * n, "C"),
          memory.allocate(VectorGemms.gemmScratchBytes(spec, 2), "scratch")));
      ThreadMXBean bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
      // Until the second compiler has been there, vectors are objects: measure when a round costs nothing any more.
      long round = Long.MAX_VALUE;
      for (int attempt = 0; attempt < 200 && round > MOST; attempt++) {
        long before = bean.getTotalThreadAllocatedBytes();
        for (int i = 0; i < RUNS; i++) {
          gemm.run(workers, spec.rows());
        }
        round = bean.getTotalThreadAllocatedBytes() - before;
      }
      if (round > MOST) {
        throw new IllegalStateException(round + " bytes in " + RUNS + " runs of " + spec);
      }
    }
  }
}
