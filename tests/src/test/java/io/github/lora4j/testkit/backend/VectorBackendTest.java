package io.github.lora4j.testkit.backend;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.testkit.BackendSuite;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Workers;
import org.junit.jupiter.api.AfterAll;

/** The processor with Vector API kernels, on two threads. */
class VectorBackendTest extends BackendSuite {

  private static final Workers WORKERS = new Workers(2);

  @AfterAll
  static void close() {
    WORKERS.close();
  }

  @Override
  protected Backend backend() {
    return new CpuBackend(KernelProvider.select("vector"), WORKERS);
  }
}
