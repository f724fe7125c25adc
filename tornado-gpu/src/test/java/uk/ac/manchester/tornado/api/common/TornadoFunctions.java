package uk.ac.manchester.tornado.api.common;

/** Stands in for TornadoVM's class of this name where no TornadoVM is: just what kernel bodies use, so that they run as plain Java. */
public final class TornadoFunctions {

  private TornadoFunctions() {}

  /** A task of seven arguments. */
  public interface Task7<A, B, C, D, E, F, G> {
    void apply(A a, B b, C c, D d, E e, F f, G g);
  }
}
