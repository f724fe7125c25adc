package io.github.lora4j.train.recipe;

import io.github.lora4j.vector.ConfigException;
import java.util.Locale;

/**
 * How the learning rate moves over a run: a factor on each parameter group's own rate, as Hugging Face's {@code get_scheduler}
 * computes it. Every kind but {@link Kind#CONSTANT} first rises linearly from 0 over the warm-up.
 *
 * @param warmup steps of warm-up
 * @param total steps of the run
 * @param cycles COSINE_WITH_RESTARTS: hard restarts
 * @param power POLYNOMIAL: exponent
 * @param end POLYNOMIAL, COSINE_WITH_MIN_LR, WARMUP_STABLE_DECAY: factor at the end
 * @param decaySteps WARMUP_STABLE_DECAY: steps of the final decay
 */
public record Schedule(Kind kind, int warmup, int total, int cycles, double power, double end, int decaySteps) {

  /** The shapes, with Hugging Face's names in lower case. */
  public enum Kind {
    /** 1 throughout, no warm-up. */
    CONSTANT,
    /** 1 after the warm-up. */
    CONSTANT_WITH_WARMUP,
    /** Falls linearly to 0 at the last step. */
    LINEAR,
    /** Half a cosine wave down to 0 at the last step. */
    COSINE,
    /** Half cosine waves, each starting from 1 again. */
    COSINE_WITH_RESTARTS,
    /** Half a cosine wave down to {@code end}. */
    COSINE_WITH_MIN_LR,
    /** (1 − end)(1 − progress)^power + end. */
    POLYNOMIAL,
    /** √(warmup/step). */
    INVERSE_SQRT,
    /** 1, then half a cosine wave down to {@code end} over the last {@code decaySteps}. */
    WARMUP_STABLE_DECAY;

    /** The name in recipes. */
    public String key() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Checks the numbers. */
  public Schedule {
    if (warmup < 0 || total < 0 || decaySteps < 0 || cycles < 1 || power <= 0 || end < 0) {
      throw new ConfigException("schedule %s: warm-up %d, total %d, decay steps %d and end %s must not be negative; cycles %d and power %s positive"
          .formatted(kind, warmup, total, decaySteps, end, cycles, power));
    }
  }

  /** The rate at which POLYNOMIAL ends, as Hugging Face's {@code lr_end}: absolute, whatever the rate it comes from. */
  private static final double POLYNOMIAL_END = 1e-7;

  /**
   * Where and how long the rate falls, under Hugging Face's names; 0 is not set.
   *
   * @param minLr COSINE_WITH_MIN_LR: rate at the end
   * @param minLrRate COSINE_WITH_MIN_LR: the same as a share of the learning rate
   * @param numDecaySteps WARMUP_STABLE_DECAY: steps of the final decay
   */
  public record Decay(double minLr, double minLrRate, int numDecaySteps) {
    /** Nothing set. */
    public static final Decay NONE = new Decay(0, 0, 0);
  }

  /**
   * A kind with Hugging Face's defaults for what only some kinds use.
   *
   * @param learningRate the rate that the factors are of, before any group's own
   * @throws ConfigException where a kind lacks what it needs to decay, as Hugging Face raises, or is given what it does not use; and if
   *     the rate is below the one it ends at
   */
  public static Schedule of(Kind kind, int warmup, int total, double learningRate, Decay decay) {
    boolean floor = kind == Kind.COSINE_WITH_MIN_LR;
    boolean stable = kind == Kind.WARMUP_STABLE_DECAY;
    require(!floor || decay.minLr > 0 ^ decay.minLrRate > 0,
        "optimizer.schedule %s needs one of optimizer.min_lr and optimizer.min_lr_rate, the rate it ends at; got %s and %s",
        kind.key(), decay.minLr, decay.minLrRate);
    require(floor || decay.minLr == 0 && decay.minLrRate == 0,
        "optimizer.schedule %s has no optimizer.min_lr or optimizer.min_lr_rate, cosine_with_min_lr has; got %s and %s",
        kind.key(), decay.minLr, decay.minLrRate);
    require(stable ? decay.numDecaySteps > 0 && decay.numDecaySteps <= total - warmup : decay.numDecaySteps == 0,
        stable ? "optimizer.schedule %s needs optimizer.num_decay_steps, the steps it falls over at the end: from 1 to the %2$d after the warm-up; "
            + "got %3$d"
            : "optimizer.schedule %s has no optimizer.num_decay_steps, warmup_stable_decay has; got %3$d", kind.key(), total - warmup,
            decay.numDecaySteps);
    double end = switch (kind) {
      case POLYNOMIAL -> POLYNOMIAL_END / learningRate;
      case COSINE_WITH_MIN_LR -> decay.minLr > 0 ? decay.minLr / learningRate : decay.minLrRate;
      case CONSTANT, CONSTANT_WITH_WARMUP, LINEAR, COSINE, COSINE_WITH_RESTARTS, INVERSE_SQRT, WARMUP_STABLE_DECAY -> 0;
    };
    require(end < 1, "optimizer.schedule %s ends at the rate %s, so optimizer.learning_rate must be larger, got %s", kind.key(), end * learningRate,
        learningRate);
    return new Schedule(kind, warmup, total, 1, 1, end, decay.numDecaySteps);
  }

  private static void require(boolean ok, String message, Object... args) {
    if (!ok) {
      throw new ConfigException(message.formatted(args));
    }
  }

  /**
   * The factor at a step.
   *
   * @param step optimizer steps done before this one: 0 at the first
   */
  public double factor(int step) {
    if (kind == Kind.CONSTANT) {
      return 1;
    }
    if (step < warmup) {
      return (double) step / Math.max(1, warmup);
    }
    double progress = (double) (step - warmup) / Math.max(1, total - warmup);
    return switch (kind) {
      case CONSTANT, CONSTANT_WITH_WARMUP -> 1;
      case LINEAR -> Math.max(0, (double) (total - step) / Math.max(1, total - warmup));
      case COSINE -> Math.max(0, wave(progress));
      case COSINE_WITH_RESTARTS -> progress >= 1 ? 0 : Math.max(0, wave(cycles * progress % 1));
      case COSINE_WITH_MIN_LR -> Math.max(0, wave(progress) * (1 - end) + end);
      case POLYNOMIAL -> step > total ? end : (1 - end) * Math.pow(1 - progress, power) + end;
      case INVERSE_SQRT -> inverseSqrt(step);
      case WARMUP_STABLE_DECAY -> stableDecay(step);
    };
  }

  private static double wave(double progress) {
    return 0.5 * (1 + Math.cos(Math.PI * progress));
  }

  private double inverseSqrt(int step) {
    int timescale = warmup == 0 ? 10_000 : warmup;
    return 1 / Math.sqrt((double) (step + timescale - warmup) / timescale);
  }

  private double stableDecay(int step) {
    int decayFrom = total - decaySteps;
    if (step < decayFrom) {
      return 1;
    }
    return step >= total ? end : (1 - end) * Math.max(0, wave((double) (step - decayFrom) / Math.max(1, decaySteps))) + end;
  }
}
