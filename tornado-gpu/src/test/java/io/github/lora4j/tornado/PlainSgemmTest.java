package io.github.lora4j.tornado;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.testkit.BackendSuite;

/** Every op through the lowering of the GPU backend with products as a library's SGEMM, where there is no library. */
class PlainSgemmTest extends BackendSuite {

  @Override
  protected Backend backend() {
    return new PlainBackend(true);
  }
}
