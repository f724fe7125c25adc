package io.github.lora4j.testkit.backend;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.testkit.BackendSuite;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.Workers;
import org.junit.jupiter.api.AfterAll;

/** The executor and its memory plan, with kernels that are right by definition, on two threads. */
class ReferenceBackendTest extends BackendSuite {

  private static final Workers WORKERS = new Workers(2);

  @AfterAll
  static void close() {
    WORKERS.close();
  }

  @Override
  protected Backend backend() {
    return new CpuBackend(new ReferenceKernels(DType.F32), WORKERS);
  }
}
