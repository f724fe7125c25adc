package io.github.lora4j.testkit.backend;

import io.github.lora4j.testkit.BackendSuite;
import io.github.lora4j.testkit.GradientCheck;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The recorded gradient of every op and of whole models is the derivative of the recorded forward pass. */
class GradientTest {

  @TestFactory
  Stream<DynamicTest> gradientsAreDerivatives() {
    return BackendSuite.cases().stream().map(program -> DynamicTest.dynamicTest(program.name(), () -> {
      GradientCheck.check(program, BackendSuite.lives(program).get(0));
      GradientCheck.check(program, BackendSuite.lives(program).get(3));
    }));
  }
}
