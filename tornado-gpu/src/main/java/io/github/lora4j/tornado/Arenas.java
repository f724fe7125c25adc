package io.github.lora4j.tornado;

import java.lang.foreign.MemorySegment;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** The host's copies of the arrays of {@link Layout}, and what the caller sees of them. */
record Arenas(IntArray table, IntArray ints, FloatArray memory, FloatArray weights, MemorySegment tableBytes, MemorySegment intsBytes,
    MemorySegment memoryBytes, MemorySegment weightsBytes) {

  /** Which array a range lies in. */
  enum Which { TABLE, MEMORY, WEIGHTS }

  Arenas(int table, int ints, int memory, int weights) {
    this(new IntArray(table), new IntArray(ints), new FloatArray(memory), new FloatArray(weights));
  }

  private Arenas(IntArray table, IntArray ints, FloatArray memory, FloatArray weights) {
    // A segment is made anew at each call, so it is kept.
    this(table, ints, memory, weights, table.getSegment(), ints.getSegment(), memory.getSegment(), weights.getSegment());
    tableBytes.fill((byte) 0);
    intsBytes.fill((byte) 0);
    memoryBytes.fill((byte) 0);
    weightsBytes.fill((byte) 0);
  }
}
