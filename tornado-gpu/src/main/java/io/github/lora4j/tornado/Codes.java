package io.github.lora4j.tornado;

import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.ScalarFunction;

/** What kernels know enum constants by, for they have no objects. The switches name every constant, so a new one does not compile without a code. */
final class Codes {

  static final int GELU = 0;
  static final int GELU_TANH = 1;
  static final int SILU = 2;
  static final int RELU = 3;
  static final int TANH = 4;
  static final int SIGMOID = 5;

  static final int EXP = 0;
  static final int LOG_SIGMOID = 1;
  static final int LOG_ONE_MINUS_EXP = 2;

  static final int BCE_WITH_LOGITS = 1;
  static final int MSE = 2;

  static final int ADAMW = 0;
  static final int ADAM = 1;
  static final int AMSGRAD = 2;
  static final int LORAFA = 3;
  static final int SGD = 4;

  private Codes() {}

  static int of(Activation f) {
    return switch (f) {
      case GELU -> GELU;
      case GELU_TANH -> GELU_TANH;
      case SILU -> SILU;
      case RELU -> RELU;
      case TANH -> TANH;
      case SIGMOID -> SIGMOID;
    };
  }

  static int of(ScalarFunction f) {
    return switch (f) {
      case EXP -> EXP;
      case LOG_SIGMOID -> LOG_SIGMOID;
      case LOG_ONE_MINUS_EXP -> LOG_ONE_MINUS_EXP;
    };
  }

  /** A loss with a label for each column. */
  static int of(Loss loss) {
    return switch (loss) {
      case BCE_WITH_LOGITS -> BCE_WITH_LOGITS;
      case MSE -> MSE;
      case CROSS_ENTROPY -> throw new IllegalArgumentException(loss + " has one label a row, and a kernel of its own");
    };
  }

  static int of(OptimizerSpec.Kind kind) {
    return switch (kind) {
      case ADAMW -> ADAMW;
      case ADAM -> ADAM;
      case AMSGRAD -> AMSGRAD;
      case LORAFA -> LORAFA;
      case SGD -> SGD;
    };
  }
}
