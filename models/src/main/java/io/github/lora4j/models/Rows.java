package io.github.lora4j.models;

/** Which rows of the last layer a head reads: a model computes its last layer for those alone. */
public enum Rows {
  /** Every token: [tokens, hidden]. */
  ALL,
  /** Each sequence's first token: [sequences, hidden]. */
  FIRST,
  /** Each sequence's last token: [sequences, hidden]. */
  LAST,
  /** The mean of each sequence's tokens: [sequences, hidden]. The last layer computes all; only heads whose model pools so ask for it. */
  MEAN
}
