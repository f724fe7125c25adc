package io.github.lora4j.vector;

/**
 * The scalars of one Adam step of one parameter group; mutable, because a step allocates nothing. Set the fields, then call
 * {@link Kernels#adam}. Bias corrections are those of step t: 1 − β₁ᵗ and 1 − β₂ᵗ.
 */
public final class AdamScalars {
  /** Learning rate of this step. */
  public double lr;
  /** β₁, the decay rate of the first moment. */
  public double beta1;
  /** β₂, the decay rate of the second moment. */
  public double beta2;
  /** ε, added to the root of the corrected second moment. */
  public double eps;
  /** λ, the weight decay. */
  public double decay;
  /** Whether the decay multiplies parameters by 1 − lr·λ (AdamW); if not, λ·θ is added to the gradient (Adam with L2). */
  public boolean decoupled;
  /** What gradients are multiplied by first: the mean over examples and the clipping of their norm. */
  public double gradScale;
  /** 1 − β₁ᵗ. */
  public double biasCorrection1;
  /** 1 − β₂ᵗ. */
  public double biasCorrection2;

  /** lr / (1 − β₁ᵗ). */
  public double stepSize() {
    return lr / biasCorrection1;
  }
}
