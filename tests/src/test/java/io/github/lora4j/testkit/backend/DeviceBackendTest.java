package io.github.lora4j.testkit.backend;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.testkit.BackendSuite;
import io.github.lora4j.testkit.TestedBackends;

/** The suite on a device, where there is one; see {@link TestedBackends#DEVICE}. */
public class DeviceBackendTest extends BackendSuite {

  @Override
  protected Backend backend() {
    return TestedBackends.DEVICE.open();
  }
}
