package io.github.lora4j.testkit.backend;

import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Kernels;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Kernels that count the arithmetic they are asked for: two operations for each multiply-add of products and attention, over the rows of
 * each call. Causal attention counts the pairs that are masked, as {@code Op.flops} does.
 */
final class CountingKernels {

  private final Kernels kernels;
  private final AtomicLong flops = new AtomicLong();

  CountingKernels(Kernels kernels) {
    this.kernels = kernels;
  }

  /** What to give to a backend. */
  Kernels counted() {
    return (Kernels) Proxy.newProxyInstance(Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, (proxy, method, args) -> call(method,
        args));
  }

  /** Operations since the last call. */
  long take() {
    return flops.getAndSet(0);
  }

  private Object call(Method method, Object[] args) throws Throwable {
    try {
      Object result = method.invoke(kernels, args);
      switch (method.getName()) {
        case "gemm" -> result = counted((Gemm.Spec) args[0], (Gemm) result);
        // q, k, v, bias, out, lse (the gradient: q, k, v, bias, lse, dout, dq, dk, dv), then the query's and the keys' ranges.
        case "attention" -> flops.addAndGet(2L * pairs((AttentionSpec) args[0], args, 7, 1) * 2);
        case "attentionGrad" -> {
          int products = 2;
          for (int i = 7; i <= 9; i++) {
            products += ((MemorySegment) args[i]).address() == 0 ? 0 : 1;
          }
          AttentionSpec spec = (AttentionSpec) args[0];
          flops.addAndGet(2L * pairs(spec, args, 10, spec.heads() / spec.kvHeads()) * products);
        }
        default -> { }
      }
      return result;
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private static long pairs(AttentionSpec spec, Object[] args, int ranges, int heads) {
    return (long) (int) args[ranges + 1] * (int) args[ranges + 3] * spec.headDim() * heads;
  }

  private Gemm counted(Gemm.Spec spec, Gemm gemm) {
    return (workers, rows) -> {
      flops.addAndGet(2L * rows * spec.n() * (spec.form() == Gemm.Form.TN ? spec.m() : spec.k()));
      gemm.run(workers, rows);
    };
  }
}
