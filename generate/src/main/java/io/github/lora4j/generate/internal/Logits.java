package io.github.lora4j.generate.internal;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import java.lang.foreign.MemorySegment;

/** The logits of a run's pieces in Java's memory. Allocates only when made. */
public final class Logits {

  private static final int INFINITE = 0x7F800000;

  private final int vocabulary;
  private final float[] floats;
  private final double[] doubles;
  /** The memory of so many rows, by their number. */
  private final MemorySegment[] targets;

  /** Room for rows. */
  public Logits(int rows, int vocabulary, DType type) {
    if ((long) rows * vocabulary > Integer.MAX_VALUE) {
      throw new ConfigException("logits of %,d sequences over a vocabulary of %,d are more than %,d numbers; let fewer sequences go at a time"
          .formatted(rows, vocabulary, Integer.MAX_VALUE));
    }
    this.vocabulary = vocabulary;
    boolean wide = type == DType.F64;
    floats = new float[wide ? 0 : rows * vocabulary];
    doubles = new double[wide ? rows * vocabulary : 0];
    MemorySegment all = wide ? MemorySegment.ofArray(doubles) : MemorySegment.ofArray(floats);
    targets = new MemorySegment[rows + 1];
    for (int i = 0; i <= rows; i++) {
      targets[i] = all.asSlice(0, all.byteSize() / rows * i);
    }
  }

  /** Reads rows of a run. */
  public void read(Executable executable, Value logits, int rows) {
    executable.read(logits, targets[rows]);
  }

  /** Copies a row, and says whether it is finite. */
  public boolean copy(int row, float[] target) {
    int from = row * vocabulary;
    if (doubles.length == 0) {
      System.arraycopy(floats, from, target, 0, vocabulary);
    } else {
      for (int i = 0; i < vocabulary; i++) {
        target[i] = (float) doubles[from + i];
      }
    }
    // A maximum of integers, since a sum of floats is taken one after another.
    int largest = 0;
    for (int i = 0; i < vocabulary; i++) {
      largest = Math.max(largest, Float.floatToRawIntBits(target[i]) & Integer.MAX_VALUE);
    }
    return largest < INFINITE;
  }
}
