package io.github.lora4j.tornado;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.testkit.BackendSuite;

/** Every op through the lowering of the GPU backend, where there is no GPU. */
class PlainBackendTest extends BackendSuite {

  @Override
  protected Backend backend() {
    return new PlainBackend(false);
  }
}
