package io.github.lora4j.bench;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Gemm.Form;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import io.github.lora4j.vector.internal.gemm.VectorGemms;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/** One product with its operands: C is m x n and k is summed over, in every form. */
final class GemmCase implements AutoCloseable {

  final int m;
  final int n;
  final int k;
  final Form form;
  private final Memory memory = new Memory("bench");
  private final MemorySegment a;
  private final MemorySegment b;
  private final MemorySegment c;
  private final Gemm gemm;

  GemmCase(String shape, Form form, String storage, int threads) {
    String[] sizes = shape.split("x");
    m = Integer.parseInt(sizes[0]);
    n = Integer.parseInt(sizes[1]);
    k = Integer.parseInt(sizes[2]);
    this.form = form;
    boolean packed = form != Form.TN && !storage.equals("live");
    WeightFormat type = packed ? new Elements(DType.valueOf(storage)) : WeightFormat.F32;
    a = random((long) m * k, "A");
    b = random((long) n * k, "B");
    c = memory.allocate(4L * m * n, "C");
    Gemm.Spec spec = new Gemm.Spec(form, form == Form.TN ? k : m, m, n, k, 1, packed, type);
    MemorySegment right = b;
    if (packed) {
      int rows = form == Form.NT ? n : k;
      int cols = form == Form.NT ? k : n;
      right = memory.allocate(VectorGemms.packedBytes(rows, cols, type), "panels");
      VectorGemms.pack(rows, cols, b, right, type);
    }
    MemorySegment scratch = memory.allocate(VectorGemms.gemmScratchBytes(spec, threads), "scratch");
    gemm = VectorGemms.gemm(spec, new Gemm.Operands(a, right, MemorySegment.NULL, MemorySegment.NULL, c, scratch));
  }

  private MemorySegment random(long count, String purpose) {
    MemorySegment segment = memory.allocate(4 * count, purpose);
    Random random = new Random(count);
    for (long i = 0; i < count; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, random.nextFloat() - 0.5f);
    }
    return segment;
  }

  double flops() {
    return 2.0 * m * n * k;
  }

  void ours(Workers workers) {
    gemm.run(workers, form == Form.TN ? k : m);
  }

  void peer(OneDnn library) {
    library.multiply(form == Form.TN, form == Form.NT, m, n, k, a, b, form == Form.TN ? 1 : 0, c);
  }

  @Override
  public void close() {
    memory.close();
  }
}
