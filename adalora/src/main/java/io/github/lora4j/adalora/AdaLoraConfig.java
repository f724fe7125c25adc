package io.github.lora4j.adalora;

import io.github.lora4j.adalora.BudgetSchedule.Convention;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.settings.Problems;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * The settings of AdaLoRA (Zhang et al., "AdaLoRA: Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning", ICLR 2023), with PEFT's
 * field names.
 *
 * @param lora what AdaLoRA shares with LoRA: targets, alpha, dropout, modules_to_save; its r is init_r
 * @param initR rank every module starts with
 * @param targetR mean rank of the modules at the end
 * @param targetTotalRank singular values of all modules together at the end, instead of {@code targetR}; the authors' setting
 * @param tinit steps before the budget falls; absent: 12 % of the run, the share of the authors' GLUE runs
 * @param tfinal steps after it has fallen; absent: 45 % of the run
 * @param deltaT steps between two allocations; absent: a five-hundredth of the run
 * @param totalStep steps of the run, if they were given: they must be those of the run
 * @param beta1 smoothing of the sensitivity
 * @param beta2 smoothing of its uncertainty
 * @param orthRegWeight weight of the orthogonality term
 * @param convention whose rules hold where the authors' code and PEFT differ
 * @param rankPattern of a trained adapter: which of the init_r singular values each module kept, by module
 */
public record AdaLoraConfig(LoraConfig lora, int initR, int targetR, OptionalInt targetTotalRank, OptionalInt tinit, OptionalInt tfinal,
    OptionalInt deltaT, OptionalInt totalStep, double beta1, double beta2, double orthRegWeight, Convention convention,
    Map<String, List<Boolean>> rankPattern) {

  /** Checks the values; all problems are one error. */
  public AdaLoraConfig {
    Map<String, List<Boolean>> copy = new LinkedHashMap<>();
    rankPattern.forEach((module, kept) -> copy.put(module, List.copyOf(kept)));
    rankPattern = Collections.unmodifiableMap(copy);
    Problems problems = new Problems();
    if (initR < 1) {
      problems.add("init_r must be at least 1, got %d", initR);
    }
    if (targetTotalRank.isEmpty() && (targetR < 1 || targetR >= initR)) {
      problems.add("target_r must be at least 1 and below init_r, or no rank could ever move; got target_r %d, init_r %d", targetR, initR);
    }
    targetTotalRank.ifPresent(total -> notBelow(problems, "target_total_rank", total, 1));
    tinit.ifPresent(steps -> notBelow(problems, "tinit", steps, 0));
    tfinal.ifPresent(steps -> notBelow(problems, "tfinal", steps, 0));
    deltaT.ifPresent(steps -> notBelow(problems, "deltaT", steps, 1));
    totalStep.ifPresent(steps -> notBelow(problems, "total_step", steps, 1));
    unit(problems, "beta1", beta1);
    unit(problems, "beta2", beta2);
    if (!(orthRegWeight >= 0 && Double.isFinite(orthRegWeight))) {
      problems.add("orth_reg_weight must not be negative, got %s", orthRegWeight);
    }
    int r = initR;
    rankPattern.forEach((module, kept) -> {
      if (kept.size() != r) {
        problems.add("rank_pattern of %s has %d entries, init_r is %d", module, kept.size(), r);
      }
    });
    problems.raise("adalora");
  }

  private static void notBelow(Problems problems, String key, int value, int least) {
    if (value < least) {
      problems.add("%s must be at least %d, got %d", key, least, value);
    }
  }

  private static void unit(Problems problems, String key, double value) {
    if (!(value > 0 && value < 1)) {
      problems.add("%s must lie between 0 and 1, got %s", key, value);
    }
  }

  /** The schedule on a run of {@code steps} steps over this many modules. */
  public BudgetSchedule schedule(int steps, int modules) {
    int start = tinit.orElse(Math.round(0.12f * steps));
    int end = tfinal.orElse(Math.round(0.45f * steps));
    return new BudgetSchedule(initR * modules, targetTotalRank.orElse(targetR * modules), start, end, deltaT.orElse(Math.max(1, steps / 500)),
        steps, convention);
  }

  /** The same with the ranks that training left. */
  AdaLoraConfig withRankPattern(Map<String, List<Boolean>> pattern, BudgetSchedule ran) {
    return new AdaLoraConfig(lora, initR, targetR, targetTotalRank, OptionalInt.of(ran.tinit()), OptionalInt.of(ran.tfinal()),
        OptionalInt.of(ran.deltaT()), OptionalInt.of(ran.total()), beta1, beta2, orthRegWeight, convention, pattern);
  }
}
