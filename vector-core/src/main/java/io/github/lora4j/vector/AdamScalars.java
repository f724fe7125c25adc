package io.github.lora4j.vector;

/**
 * The scalars of one Adam step of one parameter group; mutable, because a step allocates nothing. Set the fields, then call
 * {@link Kernels#adam}. Bias corrections are those of step t: 1 − β₁ᵗ and 1 − β₂ᵗ.
 */
public final class AdamScalars {
  public double lr;
  public double beta1;
  public double beta2;
  public double eps;
  public double decay;
  public boolean decoupled;
  public double gradScale;
  public double biasCorrection1;
  public double biasCorrection2;

  /** lr / (1 − β₁ᵗ). */
  public double stepSize() {
    return lr / biasCorrection1;
  }
}
