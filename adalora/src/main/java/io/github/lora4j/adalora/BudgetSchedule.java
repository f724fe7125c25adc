package io.github.lora4j.adalora;

import io.github.lora4j.vector.ConfigException;

/**
 * How many singular values all adapted modules may keep together at a step, and when the choice is made (Zhang et al. 2023,
 * "AdaLoRA", section 3.3): the start budget for {@code tinit} steps, a cubic fall, the target budget for the last {@code tfinal}
 * steps.
 *
 * @param initial singular values at the start: init_r × modules
 * @param target singular values at the end: target_r × modules, or any total
 * @param tinit steps before the fall
 * @param tfinal steps after it
 * @param deltaT steps between two choices while the budget falls
 * @param total steps of the run
 * @param convention whose rule holds where the two differ
 */
public record BudgetSchedule(int initial, int target, int tinit, int tfinal, int deltaT, int total, Convention convention) {

  /** The authors' code and PEFT agree on every budget; they differ in the step at which the final choice is made. */
  public enum Convention {
    /** The authors' repository: a choice at total − tfinal only if deltaT divides it, and one at every step after it. */
    AUTHORS,
    /** PEFT: always a choice at total − tfinal, then the stored pattern at every step. */
    PEFT
  }

  /** Checks the phases against the run. */
  public BudgetSchedule {
    if (target < 1 || initial <= target) {
      throw new ConfigException("adalora: the start budget %d must be larger than the target %d, which must be positive (init_r > target_r)"
          .formatted(initial, target));
    }
    if (tinit < 0 || tfinal < 0 || deltaT < 1 || tinit >= total - tfinal) {
      throw new ConfigException("adalora: tinit %d and tfinal %d leave no step of the run's %d to allocate ranks in (deltaT %d must be at least 1)"
          .formatted(tinit, tfinal, total, deltaT));
    }
  }

  /** The budget at a step: initial up to tinit, target after total − tfinal, in between ⌊(initial − target)(1 − progress)³ + target⌋. */
  public int budget(int step) {
    if (step <= tinit) {
      return initial;
    }
    if (step > total - tfinal) {
      return target;
    }
    double left = 1 - (double) (step - tinit) / (total - tfinal - tinit);
    return (int) ((initial - target) * Math.pow(left, 3) + target);
  }

  /** Whether singular values are chosen at a step. */
  public boolean chooses(int step) {
    if (step <= tinit) {
      return false;
    }
    if (step > total - tfinal) {
      return true;
    }
    return step % deltaT == 0 || convention == Convention.PEFT && step == total - tfinal;
  }
}
