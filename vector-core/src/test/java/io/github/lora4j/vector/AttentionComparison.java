package io.github.lora4j.vector;

import static java.lang.foreign.MemorySegment.NULL;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Attention of {@link VectorKernels} against {@link ReferenceKernels}; a main method for the reason given at KernelComparison. */
final class AttentionComparison {
  /** Keys whose scores are held at once: where a window begins in the middle of them, a block of queries and a single one begin at others. */
  private static final int TILE = 256;

  private final Kernels vector = new VectorKernels();
  private final Kernels reference = new ReferenceKernels(DType.F32);

  public static void main(String[] args) {
    new AttentionComparison().all();
  }

  void all() {
    int[][] lengths = {{1, 1}, {2, 3}, {5, 5}, {7, 0}, {0, 4}, {13, 13}, {33, 17}, {70, 70}};
    for (int headDim : new int[] {1, 7, 16, 20, 32, 64, 100}) {
      for (int[] length : lengths) {
        compare(headDim, length[0], length[1]);
      }
    }
    // More keys than are scored at once.
    compare(7, 3, 300);
    compare(20, 40, 530);
  }

  private void compare(int headDim, int queries, int keys) {
    for (boolean causal : new boolean[] {false, true}) {
      float scale = (float) (1 / Math.sqrt(headDim));
      compare(new AttentionSpec(4, 2, headDim, scale, causal), queries, keys, 0, false);
      compare(new AttentionSpec(2, 2, headDim, 1, causal), queries, keys, Math.max(keys - queries, -2), false);
      compare(new AttentionSpec(2, 1, headDim, scale, causal, 0, 1.5f), queries, keys, 0, false);
      compare(new AttentionSpec(2, 1, headDim, scale, causal, 0, 0), queries, keys, 0, true);
      compareVectors(new AttentionSpec(2, 2, headDim, scale, causal, 0, 0), queries, keys, 0);
      compareVectors(new AttentionSpec(2, 2, headDim, scale, causal, 9, 1.5f), queries, keys, Math.max(keys - queries, -2));
      for (int window : new int[] {1, 3, 8, 21, 300}) {
        compare(new AttentionSpec(2, 1, headDim, scale, causal, window, 0), queries, keys, 0, false);
        compare(new AttentionSpec(2, 1, headDim, scale, causal, window, 2), queries, keys, Math.max(keys - queries, -2), window == 8);
      }
      // A window that ends before the last keys, and queries far behind all keys.
      compare(new AttentionSpec(2, 1, headDim, scale, causal, 5, 0), queries, keys, keys + 3, false);
    }
  }

  private void compareVectors(AttentionSpec spec, int queries, int keys, int offset) {
    for (String parts : new String[] {"keys", "queries", "keys queries", "keys queries table"}) {
      compare(spec, queries, keys, offset, parts);
    }
  }

  private void compare(AttentionSpec spec, int queries, int keys, int offset, boolean biased) {
    compare(spec, queries, keys, offset, biased ? "table" : "");
  }

  private void compare(AttentionSpec spec, int queries, int keys, int offset, String parts) {
    String what = spec + ", " + queries + " queries, " + keys + " keys, offset " + offset + ", biased by " + parts;
    boolean biased = !parts.isEmpty();
    Data data = new Data(DType.F32, 3);
    int qStart = 2;
    int kStart = 1;
    int qRows = queries + 3;
    int kRows = keys + 2;
    MemorySegment q = data.normal((long) qRows * spec.heads() * spec.headDim());
    MemorySegment k = data.normal((long) kRows * spec.kvHeads() * spec.headDim());
    MemorySegment v = data.normal((long) kRows * spec.kvHeads() * spec.headDim());
    MemorySegment dout = data.normal((long) qRows * spec.heads() * spec.headDim());
    int center = Math.abs(offset) + queries + keys;
    long vectors = (2L * center + 1) * spec.heads() * spec.headDim();
    MemorySegment table = parts.contains("table") ? data.normal((2L * center + 1) * spec.heads()) : NULL;
    MemorySegment toKeys = parts.contains("keys") ? data.normal(vectors) : NULL;
    MemorySegment toQueries = parts.contains("queries") ? data.normal(vectors) : NULL;
    AttentionSpec.Bias bias = new AttentionSpec.Bias(table, toKeys, toQueries, center);
    int distances = bias.vectors() ? 2 * center + 1 : 0;
    MemorySegment[][] results = new MemorySegment[2][];
    for (int i = 0; i < 2; i++) {
      Kernels kernels = i == 0 ? reference : vector;
      MemorySegment scratch = new Data(DType.F32, 9).normal(kernels.attentionScratchBytes(spec, keys + 5, distances) / 4);
      // Outputs start as other numbers, so that writing too little or too much shows.
      MemorySegment out = Data.copy(dout);
      MemorySegment lse = new Data(DType.F32, 1).normal((long) qRows * spec.heads());
      for (int head = 0; head < spec.heads(); head++) {
        kernels.attention(spec, q, k, v, bias, out, lse, qStart, queries, kStart, keys, offset, head, scratch);
      }
      if (i == 1 && !biased && (spec.window() == 0 || keys <= TILE)) {
        MemorySegment alone = Data.copy(dout);
        MemorySegment lseAlone = new Data(DType.F32, 1).normal((long) qRows * spec.heads());
        for (int head = 0; head < spec.heads(); head++) {
          for (int row = 0; row < queries; row++) {
            kernels.attention(spec, q, k, v, bias, alone, lseAlone, qStart + row, 1, kStart, keys, offset + row, head, scratch);
          }
        }
        same("out of single queries of " + what, out, alone);
        same("lse of single queries of " + what, lse, lseAlone);
      }
      MemorySegment dq = Data.copy(q);
      MemorySegment dk = Data.copy(k);
      MemorySegment dv = Data.copy(v);
      MemorySegment dvAlone = Data.copy(v);
      for (int head = 0; head < spec.kvHeads(); head++) {
        kernels.attentionGrad(spec, q, k, v, bias, lse, dout, dq, dk, dv, qStart, queries, kStart, keys, offset, head, scratch);
        kernels.attentionGrad(spec, q, k, v, bias, lse, dout, NULL, NULL, dvAlone, qStart, queries, kStart, keys, offset, head, scratch);
      }
      AttentionSpec.Bias dBias = new AttentionSpec.Bias(copy(table), copy(toKeys), copy(toQueries), center);
      for (int head = 0; biased && head < spec.heads(); head++) {
        kernels.attentionBiasGrad(spec, q, k, v, bias, lse, dout, dBias, qStart, queries, kStart, keys, offset, head, scratch);
      }
      results[i] = new MemorySegment[] {out, lse, dq, dk, dv, dvAlone, dBias.table(), dBias.keys(), dBias.queries()};
    }
    String[] names = {"out", "lse", "dq", "dk", "dv", "dv alone", "dBias", "dBias keys", "dBias queries"};
    for (int i = 0; i < names.length; i++) {
      if (results[0][i].address() == 0) {
        continue;
      }
      Data.assertClose(names[i] + " of " + what, results[0][i], results[1][i], 40 + 4 * Math.sqrt(spec.headDim() + keys + queries), 0);
    }
  }

  private static MemorySegment copy(MemorySegment of) {
    return of.address() == 0 ? NULL : Data.copy(of);
  }

  /** Bits, but of zeros their sign. */
  private static void same(String what, MemorySegment want, MemorySegment got) {
    for (long i = 0; i < want.byteSize() / 4; i++) {
      float a = want.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      float b = got.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      if (a != b && !(Float.isNaN(a) && Float.isNaN(b))) {
        throw new AssertionError("%s: element %d is %s, in a block %s".formatted(what, i, b, a));
      }
    }
  }
}
