package io.github.lora4j.vector.internal;

import com.sun.management.ThreadMXBean;
import io.github.lora4j.vector.AdamScalars;
import io.github.lora4j.vector.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;

/** Counts what calls of one optimizer allocate; a program of its own for each, because the compiler decides by what a JVM has run before. */
final class OptimizerAllocation {

  private static final int CALLS = 200;
  /** What the JVM itself may allocate meanwhile; a vector that became an object is 80 bytes, and a call has hundreds. */
  private static final long MOST = 10_000;

  private OptimizerAllocation() {}

  public static void main(String[] args) {
    String optimizer = System.getProperty("optimizer");
    int count = Integer.getInteger("count");
    AdamScalars s = new AdamScalars();
    s.lr = 1e-3;
    s.beta1 = 0.9;
    s.beta2 = 0.999;
    s.eps = 1e-8;
    s.decay = 0.01;
    s.decoupled = true;
    s.gradScale = 1;
    s.biasCorrection1 = 0.5;
    s.biasCorrection2 = 0.01;
    try (Memory memory = new Memory("test")) {
      MemorySegment theta = memory.allocate(4L * count, "parameters");
      MemorySegment grad = memory.allocate(4L * count, "gradients");
      MemorySegment m = memory.allocate(4L * count, "first moment");
      MemorySegment v = memory.allocate(4L * count, "second moment");
      MemorySegment most = memory.allocate(4L * count, "largest");
      Runnable call = switch (optimizer) {
        case "adam" -> () -> Optimizers.adam(theta, grad, m, v, 0, count, s);
        case "amsgrad" -> () -> Optimizers.amsgrad(theta, grad, m, v, most, 0, count, s);
        case "sgd" -> () -> Optimizers.sgd(theta, grad, m, 0, count, 1e-3f, 0.9f, 0.01f, 1, false);
        default -> throw new IllegalArgumentException(optimizer);
      };
      ThreadMXBean bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
      // Until the second compiler has been there, vectors are objects: measure when a round costs nothing any more.
      long round = Long.MAX_VALUE;
      for (int attempt = 0; attempt < 500 && round > MOST; attempt++) {
        long before = bean.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < CALLS; i++) {
          call.run();
        }
        round = bean.getCurrentThreadAllocatedBytes() - before;
      }
      if (round > MOST) {
        throw new IllegalStateException("%d bytes in %d calls of %s on %d elements".formatted(round, CALLS, optimizer, count));
      }
    }
  }
}
