package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Stands in for TornadoVM's class of this name where no TornadoVM is: just what kernel bodies use, so that they run as plain Java. */
public final class IntArray {
  private final MemorySegment bytes;

  public IntArray(int size) {
    bytes = Arena.ofAuto().allocate(4L * size, 16);
  }

  public int get(int index) {
    return bytes.getAtIndex(ValueLayout.JAVA_INT, index);
  }

  public void set(int index, int value) {
    bytes.setAtIndex(ValueLayout.JAVA_INT, index, value);
  }

  public MemorySegment getSegment() {
    return bytes;
  }
}
