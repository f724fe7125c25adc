package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Stands in for TornadoVM's class of this name where no TornadoVM is: just what kernel bodies use, so that they run as plain Java. */
public final class FloatArray {
  private final MemorySegment bytes;

  public FloatArray(int size) {
    bytes = Arena.ofAuto().allocate(4L * size, 16);
  }

  public float get(int index) {
    return bytes.getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }

  public void set(int index, float value) {
    bytes.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
  }

  public MemorySegment getSegment() {
    return bytes;
  }
}
