package io.github.lora4j.vector;

/** Functions that losses apply to numbers of rows, written so that no intermediate result overflows or cancels. */
public enum ScalarFunction {
  /** eˣ. */
  EXP,
  /** log σ(x) = −log(1 + e⁻ˣ). */
  LOG_SIGMOID,
  /** log(1 − eˣ) for x below 0: the logarithm of the other side's probability. */
  LOG_ONE_MINUS_EXP
}
