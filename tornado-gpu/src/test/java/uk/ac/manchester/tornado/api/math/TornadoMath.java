package uk.ac.manchester.tornado.api.math;

/** Stands in for TornadoVM's class of this name where no TornadoVM is: just what kernel bodies use, so that they run as plain Java. */
public final class TornadoMath {

  private TornadoMath() {}

  public static float exp(float x) {
    return (float) Math.exp(x);
  }

  public static float log(float x) {
    return (float) Math.log(x);
  }

  public static float sqrt(float x) {
    return (float) Math.sqrt(x);
  }
}
