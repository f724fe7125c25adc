package io.github.lora4j.train.sentences;

import io.github.lora4j.vector.ConfigException;
import java.util.List;

/**
 * What sentence vectors are judged by, as in sentence-transformers. An example is two or more texts: a text, the one that belongs to it, and texts
 * that do not.
 *
 * @param scale factor on similarities; of multiple negatives, CoSENT and AnglE
 * @param measure what is compared; multiple negatives take a similarity (COSINE, DOT), triplet and contrastive a distance (COSINE is then 1 − cos)
 * @param margin of triplet and contrastive
 * @param symmetric whether multiple negatives also look for the first text by the second
 * @param cuts the lengths that vectors are cut to, each of which is judged (Matryoshka, Kusupati et al. 2022); empty: whole vectors alone
 */
public record SentenceLoss(Kind kind, double scale, Measure measure, double margin, boolean symmetric, List<Cut> cuts) {

  /** The formula. */
  public enum Kind {
    /** −log softmax over all second texts and negatives of the batch (Henderson et al. 2017; InfoNCE). */
    MULTIPLE_NEGATIVES,
    /** log(1 + Σ exp(scale·(cos − cos'))) over the pairs of pairs of which the second should be more similar (Su 2022). */
    COSENT,
    /** CoSENT of the differences of angles in complex space (Li and Li 2023). */
    ANGLE,
    /** (cos − score)². */
    COSINE_SIMILARITY,
    /** max(0, distance to the right text − distance to the wrong one + margin). */
    TRIPLET,
    /** ½·(label·distance² + (1 − label)·max(0, margin − distance)²) (Hadsell et al. 2006). */
    CONTRASTIVE
  }

  /** How two vectors are compared. */
  public enum Measure {
    /** Cosine. */
    COSINE,
    /** Dot product. */
    DOT,
    /** Euclidean distance, with torch's 1e-6 on each difference. */
    EUCLIDEAN,
    /** Sum of absolute differences. */
    MANHATTAN
  }

  /** The first columns of vectors, and what their loss counts. */
  public record Cut(int columns, double weight) {}

  /** Multiple negatives by cosine, as sentence-transformers has it. */
  public static final SentenceLoss MULTIPLE_NEGATIVES = new SentenceLoss(Kind.MULTIPLE_NEGATIVES, 20, Measure.COSINE, 0, false, List.of());

  /** Checks that the kind can do with the measure. */
  public SentenceLoss {
    cuts = List.copyOf(cuts);
    boolean fits = switch (kind) {
      case MULTIPLE_NEGATIVES -> measure == Measure.COSINE || measure == Measure.DOT;
      case COSENT, ANGLE, COSINE_SIMILARITY -> measure == Measure.COSINE;
      case TRIPLET, CONTRASTIVE -> measure != Measure.DOT;
    };
    if (!fits) {
      throw new ConfigException("the loss %s cannot compare by %s".formatted(kind, measure));
    }
    if (symmetric && kind != Kind.MULTIPLE_NEGATIVES) {
      throw new ConfigException("only multiple negatives can be symmetric, not %s".formatted(kind));
    }
  }

  /** Whether pairs carry a number: a score, or 1 and 0. */
  public boolean scored() {
    return kind == Kind.COSENT || kind == Kind.ANGLE || kind == Kind.COSINE_SIMILARITY || kind == Kind.CONTRASTIVE;
  }

  /** Whether the loss is one of the whole batch, not a mean over its examples. */
  boolean ofBatch() {
    return kind == Kind.COSENT || kind == Kind.ANGLE;
  }

  /** Texts of an example at least. */
  public int fewestTexts() {
    return kind == Kind.TRIPLET ? 3 : 2;
  }

  /** Texts of an example at most. */
  public int mostTexts() {
    return kind == Kind.MULTIPLE_NEGATIVES ? Integer.MAX_VALUE : fewestTexts();
  }
}
