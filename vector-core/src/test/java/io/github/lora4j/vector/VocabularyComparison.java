package io.github.lora4j.vector;

import static java.lang.foreign.MemorySegment.NULL;

import io.github.lora4j.vector.blocks.FourBit;
import io.github.lora4j.vector.blocks.GgufFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * What is done with a vocabulary of {@link VectorKernels} against {@link ReferenceKernels}: softmax in chunks, rows of packed tables; a main method
 * for the reason given at KernelComparison.
 */
final class VocabularyComparison {
  private static final int WIDTH = 21;

  private final Kernels vector = new VectorKernels();
  private final Kernels reference = new ReferenceKernels(DType.F32);
  private final Data data = new Data(DType.F32, 11);

  public static void main(String[] args) {
    new VocabularyComparison().all();
  }

  void all() {
    for (int entries : new int[] {1, 9, 64, 70, 200}) {
      for (int cols : new int[] {1, 7, 48}) {
        lookups(entries, cols);
      }
    }
    for (double cap : new double[] {0, 1.5}) {
      for (List<Integer> chunks : List.of(List.of(1), List.of(7), List.of(192, 5), List.of(192, 192, 100))) {
        softmax(chunks, cap, true);
        softmax(chunks, cap, false);
      }
    }
  }

  private void lookups(int entries, int cols) {
    int[] ids = data.uniform(12, entries);
    ids[1] = -1;
    MemorySegment rows = data.normal((long) entries * cols);
    MemorySegment addend = data.normal(12L * cols);
    for (WeightFormat storage : new WeightFormat[] {WeightFormat.F32, WeightFormat.F16, WeightFormat.BF16, WeightFormat.F64, new Scaled8(5),
        GgufFormat.Q8_0, GgufFormat.Q4_K, FourBit.NF4}) {
      MemorySegment[] out = new MemorySegment[2];
      for (int i = 0; i < 2; i++) {
        Kernels k = i == 0 ? reference : vector;
        MemorySegment panels = Arena.ofAuto().allocate(k.packedBytes(entries, cols, storage), 64);
        k.pack(entries, cols, rows, panels, storage);
        Kernels.Table table = new Kernels.Table(panels, storage, Arena.ofAuto().allocate(Math.max(1, k.tableScratchBytes(storage, cols)), 64),
            entries);
        out[i] = data.zeros(24L * cols);
        k.gather(table, Data.ints(ids), NULL, out[i], cols, 0, 12);
        k.gather(table, Data.ints(ids), addend, out[i].asSlice(12L * cols * 4), cols, 0, 12);
      }
      Data.assertClose("rows of %d packed as %s, %d columns".formatted(entries, storage.name(), cols), out[0], out[1], 1, 0);
    }
  }

  private void softmax(List<Integer> chunks, double cap, boolean slopes) {
    int rows = 5;
    int words = chunks.stream().mapToInt(Integer::intValue).sum();
    int[] labels = data.uniform(rows, words);
    labels[0] = 0;
    labels[1] = -100;
    labels[2] = words - 1;
    List<MemorySegment> logits = chunks.stream().map(cols -> data.normal((long) rows * cols)).toList();
    List<MemorySegment> products = chunks.stream().map(cols -> data.normal((long) rows * WIDTH)).toList();
    MemorySegment weight = data.normal((long) words * WIDTH);
    MemorySegment[][] all = new MemorySegment[2][];
    for (int i = 0; i < 2; i++) {
      Kernels k = i == 0 ? reference : vector;
      MemorySegment sums = data.zeros((long) rows * WIDTH);
      MemorySegment y = data.zeros(rows);
      MemorySegment likeliest = data.zeros(rows);
      Kernels.LabelSoftmax softmax = new Kernels.LabelSoftmax(Data.ints(labels), Arena.ofAuto().allocate(rows * 8L * Kernels.LABEL_STATE, 64), cap,
          words, slopes ? sums : NULL, WIDTH);
      MemorySegment made = data.zeros((long) rows * words);
      int first = 0;
      for (int c = 0; c < chunks.size(); c++) {
        int cols = chunks.get(c);
        MemorySegment x = Data.copy(logits.get(c));
        // Less with a cap: where it saturates, one of several is largest by the last bit.
        vector.scale(x, cap == 0 ? 4 : 0.7, x, 0, (long) rows * cols);
        // In two pieces, as workers do it.
        k.labelSoftmax(softmax, x, first, cols, 0, 2);
        k.labelSoftmax(softmax, x, first, cols, 2, rows);
        if (slopes) {
          made.asSlice((long) rows * first * 4).copyFrom(x);
        }
        k.add(sums, products.get(c), sums, 0, (long) rows * WIDTH);
        first += cols;
      }
      MemorySegment row = data.zeros(WIDTH);
      k.labelSoftmaxEnd(softmax, new Kernels.Table(weight, WeightFormat.F32, NULL), row, 0.7, y, likeliest, 0, rows);
      all[i] = new MemorySegment[] {y, likeliest, slopes ? sums : data.zeros(1), made};
    }
    String what = "softmax of %s columns, cap %s%s: ".formatted(chunks, cap, slopes ? ", with slopes" : "");
    Data.assertClose(what + "log-probabilities", all[0][0], all[1][0], 8, 4);
    Data.assertClose(what + "likeliest", all[0][1], all[1][1], 0, 0);
    Data.assertClose(what + "slopes", all[0][2], all[1][2], 16, 1);
    Data.assertClose(what + "exponentials", all[0][3], all[1][3], 16, 1);
    first(words);
    if (all[0][0].getAtIndex(ValueLayout.JAVA_FLOAT, 1) != 0) {
      throw new AssertionError(what + "a row without a label has log-probability 0");
    }
  }

  /** Of several that are largest the first. */
  private void first(int cols) {
    MemorySegment x = data.normal(3L * cols);
    for (int j = cols / 2; j < cols; j++) {
      x.setAtIndex(ValueLayout.JAVA_FLOAT, cols + j, 9);
    }
    MemorySegment[] y = {data.zeros(3), data.zeros(3)};
    reference.likeliest(x, y[0], cols, 0, 3);
    vector.likeliest(x, y[1], cols, 0, 3);
    Data.assertClose("likeliest of " + cols, y[0], y[1], 0, 0);
    if (y[1].getAtIndex(ValueLayout.JAVA_FLOAT, 1) != cols / 2) {
      throw new AssertionError("likeliest of %d: the first of several is %d".formatted(cols, cols / 2));
    }
  }
}
