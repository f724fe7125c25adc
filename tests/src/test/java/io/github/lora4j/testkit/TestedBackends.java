package io.github.lora4j.testkit;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.tornado.PlainBackend;
import io.github.lora4j.vector.BackendException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.Workers;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.opentest4j.TestAbortedException;

/**
 * The backends that tests run on. The one on a device is that of {@code -Dgpu.backend} (default opencl), and needs a process that was started for
 * it; elsewhere its tests are skipped and say why, unless {@code -Drequire.gpu=true} makes that a failure;
 * {@code -Donly.gpu=true} leaves the others aside.
 */
public enum TestedBackends {
  /** Scalar kernels in double precision. */
  REFERENCE,
  /** The fastest kernels of this processor. */
  VECTOR,
  /** The GPU backend's lowering and kernels as plain Java. */
  PLAIN,
  /** The same with products as a library on the device makes them. */
  PLAIN_SGEMM,
  /** A device. */
  DEVICE;

  /** The tests of every backend; of one that is not here, a single test that is skipped. */
  public static Stream<DynamicTest> each(Function<TestedBackends, Stream<DynamicTest>> tests) {
    Stream<TestedBackends> backends = Boolean.getBoolean("only.gpu") ? Stream.of(DEVICE) : Stream.of(values());
    return backends.flatMap(on -> {
      try (Backend backend = on.open()) {
        return tests.apply(on);
      } catch (TestAbortedException e) {
        return Stream.of(DynamicTest.dynamicTest("on " + on, () -> {
          throw e;
        }));
      }
    });
  }

  /** Opens it; the caller closes it. */
  public Backend open() {
    return switch (this) {
      case REFERENCE -> new CpuBackend(new ReferenceKernels(DType.F64), new Workers(2));
      case VECTOR -> new CpuBackend(KernelProvider.select("auto"), new Workers(2));
      case PLAIN -> new PlainBackend(false);
      case PLAIN_SGEMM -> new PlainBackend(true);
      case DEVICE -> openDevice();
    };
  }

  /** The name of the device's backend. */
  public static String device() {
    return System.getProperty("gpu.backend", "opencl");
  }

  /** Makes the scalar kernels a backend like others, for whole runs. */
  public static final class ReferenceProvider implements Backend.Provider {

    @Override
    public String name() {
      return "reference";
    }

    @Override
    public int preference() {
      return -2;
    }

    @Override
    public Backend open(int threads) {
      return REFERENCE.open();
    }
  }

  private static Backend openDevice() {
    try {
      return Backend.open(device(), 2);
    } catch (BackendException e) {
      if (!Boolean.getBoolean("require.gpu")) {
        Assumptions.abort(e.getMessage());
      }
      throw e;
    }
  }
}
