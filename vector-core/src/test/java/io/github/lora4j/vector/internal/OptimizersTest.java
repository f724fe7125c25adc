package io.github.lora4j.vector.internal;

import io.github.lora4j.vector.ForcedWidth;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What optimizers compute is tested against PyTorch's; here, that their vectors stay in registers. */
class OptimizersTest {

  @ParameterizedTest
  @CsvSource({"adam, 4096", "adam, 4101", "amsgrad, 4096", "amsgrad, 4101", "sgd, 4096", "sgd, 4101"})
  void vectorsAreNoObjects(String optimizer, int count) throws Exception {
    ForcedWidth.run(OptimizerAllocation.class, List.of("-Doptimizer=" + optimizer, "-Dcount=" + count));
  }
}
