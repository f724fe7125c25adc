package io.github.lora4j.train.preference;

/** What log-probabilities are held against. */
public enum Reference {
  /** Nothing. */
  NONE,
  /** The same model with the adapter off, computed in each step. */
  STEP,
  /** Log-probabilities that were computed before and come with the targets. */
  GIVEN
}
