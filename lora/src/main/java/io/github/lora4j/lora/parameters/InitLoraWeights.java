package io.github.lora4j.lora.parameters;

import io.github.lora4j.vector.ConfigException;
import java.util.Locale;
import java.util.Optional;

/** The value of {@code init_lora_weights}: how A and B start. */
public sealed interface InitLoraWeights {

  /** PEFT's {@code true}: A uniform in ±1/√in (kaiming_uniform with a = √5), B zero, so training starts at the base model. */
  InitLoraWeights DEFAULT = Simple.DEFAULT;
  /** PEFT's {@code "gaussian"}: A normal with standard deviation 1/r, B zero. */
  InitLoraWeights GAUSSIAN = Simple.GAUSSIAN;
  /** PEFT's {@code false}: A and B both uniform in ±1/√columns, so the adapter changes the model at once; for tests. */
  InitLoraWeights RANDOM = Simple.RANDOM;
  /** PEFT's {@code "orthogonal"}: A and B random, yet B·A zero, as they use different rows of an orthogonal matrix; even ranks only. */
  InitLoraWeights ORTHOGONAL = Simple.ORTHOGONAL;
  /**
   * PEFT's {@code "olora"}: the first columns of Q and rows of R of the weight's QR decomposition (Büyükakyüz, "OLoRA", arXiv 2406.01775);
   * the base weight becomes W − s·B·A.
   */
  InitLoraWeights OLORA = Simple.OLORA;
  /** PEFT's {@code "mica"}: B the left singular vectors of the smallest singular values, and stays so; A zero (arXiv 2604.01694). */
  InitLoraWeights MICA = Simple.MICA;
  /**
   * PEFT's {@code "eva"}: A from the inputs of each module (Paischer et al., "EVA", 2024), B zero. It leaves the base alone, so adapters that
   * it started are read; none is started by it here.
   */
  InitLoraWeights EVA = Simple.EVA;
  /** PEFT's {@code "pissa"}, see {@link Pissa}. */
  InitLoraWeights PISSA = new Pissa(-1);

  /** Those without parameters. */
  enum Simple implements InitLoraWeights {
    /** See {@link InitLoraWeights#DEFAULT}. */
    DEFAULT,
    /** See {@link InitLoraWeights#GAUSSIAN}. */
    GAUSSIAN,
    /** See {@link InitLoraWeights#RANDOM}. */
    RANDOM,
    /** See {@link InitLoraWeights#ORTHOGONAL}. */
    ORTHOGONAL,
    /** See {@link InitLoraWeights#OLORA}. */
    OLORA,
    /** See {@link InitLoraWeights#MICA}. */
    MICA,
    /** See {@link InitLoraWeights#EVA}. */
    EVA
  }

  /**
   * A and B from the largest singular values of the weight: B·A·s = Uᵣ·Sᵣ·Vᵣᵀ, with √(S/s) on both sides (Meng et al., "PiSSA", NeurIPS
   * 2024); the base weight becomes W − s·B·A.
   *
   * @param iterations power iterations of the randomised decomposition, faster but not exact; −1 for the exact one
   */
  record Pissa(int iterations) implements InitLoraWeights {
    /** Checks the number. */
    public Pissa {
      if (iterations < -1) {
        throw new ConfigException("pissa_niter_N: expected a number that is not negative, got " + iterations);
      }
    }
  }

  /** Whether the frozen base weight becomes W − s·B·A, so that training starts at the base model with A and B that are not zero. */
  default boolean changesBase() {
    return this instanceof Pissa || this == OLORA;
  }

  /** Whether A and B start from the base weight. */
  default boolean needsBase() {
    return changesBase() || this == MICA;
  }

  /** PEFT's name: true and false as words. */
  default String peftName() {
    return switch (this) {
      case Pissa pissa -> pissa.iterations < 0 ? "pissa" : "pissa_niter_" + pissa.iterations;
      case Simple simple when simple == Simple.DEFAULT -> "true";
      case Simple simple when simple == Simple.RANDOM -> "false";
      case Simple simple -> simple.name().toLowerCase(Locale.ROOT);
    };
  }

  /** By PEFT's name. */
  static Optional<InitLoraWeights> of(String peftName) {
    String name = peftName.toLowerCase(Locale.ROOT);
    if (name.matches("pissa_niter_\\d{1,4}")) {
      return Optional.of(new Pissa(Integer.parseInt(name.substring("pissa_niter_".length()))));
    }
    if (name.equals("pissa")) {
      return Optional.of(PISSA);
    }
    for (Simple simple : Simple.values()) {
      if (simple.peftName().equals(name)) {
        return Optional.of(simple);
      }
    }
    return Optional.empty();
  }
}
