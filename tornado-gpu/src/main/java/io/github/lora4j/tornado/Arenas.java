package io.github.lora4j.tornado;

import java.lang.foreign.MemorySegment;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** The host's copies of the arrays of {@link Layout}, and what the caller sees of them. */
record Arenas(List<Bank> banks, IntArray ints, FloatArray memory, MemorySegment intsBytes, MemorySegment memoryBytes) {

  /** A table, and the weights beside it. */
  record Bank(IntArray table, FloatArray weights, MemorySegment tableBytes, MemorySegment weightsBytes) {
    Bank(int table, int weights) {
      this(new IntArray(table), new FloatArray(weights));
    }

    private Bank(IntArray table, FloatArray weights) {
      // A segment is made anew at each call, so it is kept.
      this(table, weights, table.getSegment(), weights.getSegment());
      tableBytes.fill((byte) 0);
      weightsBytes.fill((byte) 0);
    }
  }

  /** Which array a range lies in. */
  enum Which { TABLE, MEMORY, WEIGHTS }

  Arenas(List<Bank> banks, int ints, int memory) {
    this(List.copyOf(banks), new IntArray(ints), new FloatArray(memory));
  }

  private Arenas(List<Bank> banks, IntArray ints, FloatArray memory) {
    this(banks, ints, memory, ints.getSegment(), memory.getSegment());
    intsBytes.fill((byte) 0);
    memoryBytes.fill((byte) 0);
  }
}
