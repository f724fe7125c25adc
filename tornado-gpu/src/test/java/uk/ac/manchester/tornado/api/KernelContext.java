package uk.ac.manchester.tornado.api;

/** Stands in for TornadoVM's class of this name where no TornadoVM is: just what kernel bodies use, so that they run as plain Java. */
public final class KernelContext {
  public final Integer globalIdx = 0;
  public final Integer localIdx = 0;
  public final Integer groupIdx = 0;

  public float[] allocateFloatLocalArray(int size) {
    throw new UnsupportedOperationException("a group of threads shares this");
  }

  public void localBarrier() {
    throw new UnsupportedOperationException("a group of threads waits here");
  }
}
