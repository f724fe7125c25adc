package io.github.lora4j.vector.internal.reference;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;

/** The three loops, summed in double and rounded once. A task is one row of C. */
public final class ReferenceGemm implements Gemm, Workers.Task {
  private final Spec spec;
  private final Operands at;
  private final Elements type;
  private final Elements right;
  private final MemorySegment b;
  private final boolean blocks;
  private int live;

  public ReferenceGemm(DType dtype, Spec spec, Operands operands) {
    this.spec = spec;
    this.at = operands;
    this.type = new Elements(dtype);
    blocks = spec.packed() && !(spec.storage() instanceof Elements);
    right = !spec.packed() ? type : blocks ? new Elements(DType.F32) : (Elements) spec.storage();
    b = blocks ? operands.scratch() : operands.b();
  }

  @Override
  public void run(Workers workers, int rows) {
    if (rows > spec.rows()) {
      throw new IllegalArgumentException("gemm was prepared for %d rows, got %d".formatted(spec.rows(), rows));
    }
    live = rows;
    if (blocks) {
      decode();
    }
    workers.run(spec.form() == Form.TN ? spec.m() : rows, this);
  }

  @Override
  public void run(int i, int worker) {
    for (int j = 0; j < spec.n(); j++) {
      long c = (long) i * spec.n() + j;
      double value = spec.alpha() * dot(i, j);
      value += spec.form() == Form.TN ? type.get(at.c(), c) : type.optional(at.bias(), j) + type.optional(at.addend(), c);
      type.set(at.c(), c, value);
    }
  }

  private void decode() {
    int rows = spec.form() == Form.NT ? spec.n() : spec.k();
    int cols = spec.form() == Form.NT ? spec.k() : spec.n();
    for (int i = 0; i < rows; i++) {
      spec.storage().decode(at.b(), i * WeightFormats.rowBytes(spec.storage(), cols), b, (long) i * cols * Float.BYTES, cols);
    }
  }

  private double dot(long i, long j) {
    double sum = 0;
    int k = spec.form() == Form.TN ? live : spec.k();
    for (int p = 0; p < k; p++) {
      sum += switch (spec.form()) {
        case NT -> type.get(at.a(), i * k + p) * right.get(b, j * k + p);
        case NN -> type.get(at.a(), i * k + p) * right.get(b, (long) p * spec.n() + j);
        case TN -> type.get(at.a(), (long) p * spec.m() + i) * right.get(b, (long) p * spec.n() + j);
      };
    }
    return sum;
  }
}
