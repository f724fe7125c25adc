package io.github.lora4j.train.preference;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.ScalarFunction;
import java.util.Locale;

/**
 * The loss of a pair. c and r are the log-ratios of the chosen and the rejected answer: sums of log p − log p_ref over the answer's tokens, or
 * their means where said; without a reference log p alone. Δ = c − r; σ is the logistic function, ε {@code smoothing}.
 *
 * @param beta β, how strongly ratios count
 * @param gamma γ, SIMPO's margin
 * @param jensenShannon hold log σ(c) and log σ(r) against each other, not c and r: the divergence from the reference is Jensen's and Shannon's, not
 *     Kullback's and Leibler's (Wang et al. 2023)
 */
public record PairLoss(Kind kind, double beta, double smoothing, double gamma, boolean jensenShannon) {

  /** A loss of β alone. */
  public PairLoss(Kind kind, double beta) {
    this(kind, beta, 0, 0, false);
  }

  /** EXO's ε where none is given: the logarithm of 0 is none. */
  private static final double EXO_SMOOTHING = 1e-3;
  private static final double DISCOPOP_TEMPERATURE = 0.05;

  /** The objectives, with the names of TRL. */
  public enum Kind {
    /** −log σ(βΔ): DPO (Rafailov et al. 2023). */
    SIGMOID,
    /** The same with means over tokens. */
    SIGMOID_NORM,
    /** max(0, 1 − βΔ): SLiC (Zhao et al. 2023). */
    HINGE,
    /** (Δ − 1/(2β))² with means over tokens: IPO (Azar et al. 2023). */
    IPO,
    /** (−(1 − ε) log σ(βΔ) + ε log σ(−βΔ)) / (1 − 2ε): labels that are wrong with probability ε (Chowdhury et al. 2024). */
    ROBUST,
    /** σ(βΔ)(log σ(βΔ) − log(1 − ε)) + σ(−βΔ)(log σ(−βΔ) − log ε): EXO (Ji et al. 2024). */
    EXO_PAIR,
    /** −log σ(βc) − ½ log σ(−βc) − ½ log σ(−βr): NCA (Chen et al. 2024). */
    NCA_PAIR,
    /** (c − 1/(2β))² + (r + 1/(2β))²: SPPO (Wu et al. 2024). */
    SPPO_HARD,
    /** 1 − σ(βc) + σ(βr): APO (D'Oosterlinck et al. 2024), for answers better than the model's. */
    APO_ZERO,
    /** σ(βc) + 1 − σ(βΔ): APO for answers worse than the model's. */
    APO_DOWN,
    /** −log σ(βΔ)(1 − s) + exp(−βΔ) s with s = σ(βΔ/0.05): DiscoPOP (Lu et al. 2024). */
    DISCOPOP,
    /**
     * −log σ(Δ − (log(1 − eᶜ) − log(1 − eʳ))) of mean log-probabilities, without a reference, times β beside the answer's own loss: ORPO (Hong et al.
     * 2024).
     */
    ODDS_RATIO,
    /** −log σ(βΔ − γ) of mean log-probabilities, without a reference: SimPO (Meng et al. 2024). */
    SIMPO;

    /** The name in recipes. */
    public String key() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** Whether ratios are means over the tokens of an answer, not sums. */
    boolean ofMeans() {
      return this == SIGMOID_NORM || this == IPO || this == ODDS_RATIO || this == SIMPO;
    }

    /** Whether the smoothing has a meaning. */
    public boolean smooths() {
      return this == ROBUST || this == EXO_PAIR;
    }
  }

  /** Checks the numbers. */
  public PairLoss {
    if (!(beta > 0) || !Double.isFinite(beta) || !(smoothing >= 0 && smoothing < 0.5) || !(gamma >= 0) || !Double.isFinite(gamma)) {
      throw new ConfigException("beta must be positive, got %s; label_smoothing in [0, 0.5), got %s; gamma not negative, got %s".formatted(beta,
          smoothing, gamma));
    }
    if (smoothing > 0 && !kind.smooths()) {
      throw new ConfigException("label_smoothing is %s, but only the losses robust and exo_pair have one; the loss is %s".formatted(smoothing,
          kind.key()));
    }
  }

  /** Records the loss of each pair [pairs, 1] from the log-ratios of its answers. */
  Value record(Graph g, Value c, Value r) {
    Value chosen = jensenShannon ? g.apply(ScalarFunction.LOG_SIGMOID, c) : c;
    Value rejected = jensenShannon ? g.apply(ScalarFunction.LOG_SIGMOID, r) : r;
    return switch (kind) {
      case SIGMOID, SIGMOID_NORM, HINGE, IPO, ROBUST, EXO_PAIR, DISCOPOP, SIMPO -> ofMargin(g, g.subtract(chosen, rejected));
      case NCA_PAIR -> g.add(g.add(minusLogSigmoid(g, g.scale(chosen, beta)), g.scale(minusLogSigmoid(g, g.scale(chosen, -beta)), 0.5)),
          g.scale(minusLogSigmoid(g, g.scale(rejected, -beta)), 0.5));
      case SPPO_HARD -> g.add(square(g, g.shift(chosen, -0.5 / beta)), square(g, g.shift(rejected, 0.5 / beta)));
      case APO_ZERO -> g.add(not(g, sigmoid(g, g.scale(chosen, beta))), sigmoid(g, g.scale(rejected, beta)));
      case APO_DOWN -> g.add(sigmoid(g, g.scale(chosen, beta)), not(g, sigmoid(g, g.scale(g.subtract(chosen, rejected), beta))));
      case ODDS_RATIO -> g.scale(minusLogSigmoid(g, g.subtract(g.subtract(chosen, rejected), g.subtract(
          g.apply(ScalarFunction.LOG_ONE_MINUS_EXP, chosen), g.apply(ScalarFunction.LOG_ONE_MINUS_EXP, rejected)))), beta);
    };
  }

  /** Losses of Δ alone. */
  private Value ofMargin(Graph g, Value delta) {
    return switch (kind) {
      case HINGE -> g.activate(Activation.RELU, g.shift(g.scale(delta, -beta), 1));
      case IPO -> square(g, g.shift(delta, -1 / (2 * beta)));
      case ROBUST -> g.add(g.scale(minusLogSigmoid(g, g.scale(delta, beta)), (1 - smoothing) / (1 - 2 * smoothing)),
          g.scale(minusLogSigmoid(g, g.scale(delta, -beta)), -smoothing / (1 - 2 * smoothing)));
      case EXO_PAIR -> {
        double epsilon = smoothing == 0 ? EXO_SMOOTHING : smoothing;
        yield g.add(divergence(g, g.scale(delta, beta), 1 - epsilon), divergence(g, g.scale(delta, -beta), epsilon));
      }
      case DISCOPOP -> {
        Value scaled = g.scale(delta, beta);
        Value share = sigmoid(g, g.scale(scaled, 1 / DISCOPOP_TEMPERATURE));
        yield g.add(g.multiply(minusLogSigmoid(g, scaled), not(g, share)), g.multiply(g.apply(ScalarFunction.EXP, g.scale(scaled, -1)), share));
      }
      case SIMPO -> minusLogSigmoid(g, g.shift(g.scale(delta, beta), -gamma));
      case SIGMOID, SIGMOID_NORM -> minusLogSigmoid(g, g.scale(delta, beta));
      case NCA_PAIR, SPPO_HARD, APO_ZERO, APO_DOWN, ODDS_RATIO -> throw new IllegalStateException(kind + " is not of the margin alone");
    };
  }

  private static Value minusLogSigmoid(Graph g, Value x) {
    return g.scale(g.apply(ScalarFunction.LOG_SIGMOID, x), -1);
  }

  private static Value sigmoid(Graph g, Value x) {
    return g.activate(Activation.SIGMOID, x);
  }

  /** 1 − x. */
  private static Value not(Graph g, Value x) {
    return g.shift(g.scale(x, -1), 1);
  }

  private static Value square(Graph g, Value x) {
    return g.multiply(x, x);
  }

  /** σ(x)(log σ(x) − log p). */
  private static Value divergence(Graph g, Value x, double p) {
    return g.multiply(sigmoid(g, x), g.shift(g.apply(ScalarFunction.LOG_SIGMOID, x), -Math.log(p)));
  }
}
