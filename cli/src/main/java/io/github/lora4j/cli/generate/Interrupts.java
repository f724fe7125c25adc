package io.github.lora4j.cli.generate;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;

/**
 * Ctrl-C while the model answers. Java has no other way to hear of it than {@code sun.misc.Signal}, which its module jdk.unsupported keeps for
 * this; where that is missing Ctrl-C ends the process, as it does between answers.
 */
final class Interrupts implements AutoCloseable {

  private volatile boolean answering;
  private Runnable restore = () -> { };

  private Interrupts() {}

  /** Calls {@code stop} for each Ctrl-C while {@link #answering}. */
  static Interrupts handle(Runnable stop) {
    Interrupts interrupts = new Interrupts();
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object interrupt = signal.getConstructor(String.class).newInstance("INT");
      InvocationHandler onSignal = (proxy, method, arguments) -> {
        if (interrupts.answering) {
          stop.run();
        } else {
          Runtime.getRuntime().exit(130);
        }
        return null;
      };
      Object before = signal.getMethod("handle", signal, handler).invoke(null, interrupt,
          Proxy.newProxyInstance(Interrupts.class.getClassLoader(), new Class<?>[] {handler}, onSignal));
      interrupts.restore = () -> {
        try {
          signal.getMethod("handle", signal, handler).invoke(null, interrupt, before);
        } catch (ReflectiveOperationException e) {
          throw new IllegalStateException(e);
        }
      };
    } catch (ReflectiveOperationException | IllegalArgumentException e) {
      // Without signals Ctrl-C is what it always is.
      return interrupts;
    }
    return interrupts;
  }

  /** Whether an answer is being given. */
  void answering(boolean now) {
    answering = now;
  }

  @Override
  public void close() {
    restore.run();
  }
}
