package io.github.lora4j.bench.peers;

import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Gemm.Form;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import io.github.lora4j.vector.internal.gemm.VectorGemms;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** lora4j, either way: W packed once, as frozen weights are, or at each call, as most libraries do. */
final class Ours implements Peer {

  private final Workers workers;
  private final boolean packed;

  Ours(Workers workers, boolean packed) {
    this.workers = workers;
    this.packed = packed;
  }

  @Override
  public String name() {
    return packed ? "lora4j" : "lora4j, packing";
  }

  @Override
  public String weight() {
    return packed ? "packed once" : "packed at each call";
  }

  @Override
  public int threads() {
    return workers.threads();
  }

  @Override
  public Product product(int m, int n, int k, float[] x, float[] w) {
    Memory memory = new Memory("peers");
    MemorySegment a = copy(memory, x);
    MemorySegment b = copy(memory, w);
    MemorySegment c = memory.allocate(4L * m * n, "Y");
    Gemm.Spec spec = new Gemm.Spec(Form.NT, m, m, n, k, 1, packed, WeightFormat.F32);
    MemorySegment right = b;
    if (packed) {
      right = memory.allocate(VectorGemms.packedBytes(n, k, WeightFormat.F32), "panels");
      VectorGemms.pack(n, k, b, right, WeightFormat.F32);
    }
    MemorySegment scratch = memory.allocate(VectorGemms.gemmScratchBytes(spec, workers.threads()), "scratch");
    Gemm gemm = VectorGemms.gemm(spec, new Gemm.Operands(a, right, MemorySegment.NULL, MemorySegment.NULL, c, scratch));
    return new Product() {
      @Override
      public void run() {
        gemm.run(workers, m);
      }

      @Override
      public float[] result() {
        return c.toArray(ValueLayout.JAVA_FLOAT);
      }

      @Override
      public void close() {
        memory.close();
      }
    };
  }

  private static MemorySegment copy(Memory memory, float[] values) {
    MemorySegment segment = memory.allocate(4L * values.length, "operand");
    MemorySegment.copy(values, 0, segment, ValueLayout.JAVA_FLOAT, 0, values.length);
    return segment;
  }
}
