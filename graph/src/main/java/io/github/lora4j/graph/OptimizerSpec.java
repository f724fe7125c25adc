package io.github.lora4j.graph;

import io.github.lora4j.vector.ConfigException;
import java.util.List;

/**
 * What the optimizer does with a gradient; learning rates are data, everything here is fixed for a run.
 *
 * @param beta1 first-moment decay (momentum for SGD)
 * @param decay weight decay of each parameter group
 * @param maxNorm clip the gradient of all parameters together to this norm; 0 does not clip (torch clip_grad_norm_: the factor is
 *     min(1, maxNorm/(norm + 1e-6)))
 */
public record OptimizerSpec(Kind kind, double beta1, double beta2, double eps, List<Double> decay, double maxNorm) {

  /** The update rules. */
  public enum Kind {
    /** Decoupled weight decay. */
    ADAMW,
    /** Weight decay added to the gradient. */
    ADAM,
    /** Decoupled weight decay; steps divide by the largest second moment so far. */
    AMSGRAD,
    /**
     * AdamW in the order of Hugging Face's early AdamW, which PEFT's LoRA-FA optimizer keeps: eps is added before the bias correction, and
     * weight decay comes after the step.
     */
    LORAFA,
    /** Stochastic gradient descent with momentum. */
    SGD
  }

  /** Checks the numbers. */
  public OptimizerSpec {
    decay = List.copyOf(decay);
    if (beta1 < 0 || beta1 >= 1 || beta2 < 0 || beta2 >= 1 || eps < 0 || maxNorm < 0) {
      throw new ConfigException("optimizer: betas must be in [0, 1), eps and the clipping norm not negative; got betas (%s, %s), eps %s, norm %s"
          .formatted(beta1, beta2, eps, maxNorm));
    }
  }
}
