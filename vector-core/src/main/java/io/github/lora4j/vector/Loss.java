package io.github.lora4j.vector;

/** Losses of one row of predictions; the loss of a batch is their sum divided by the number of counted targets. */
public enum Loss {
  /** −log softmax(z)[label]; labels I32 [rows]; a row labelled −100 is not counted. Counted target: the row. */
  CROSS_ENTROPY,
  /** Σⱼ max(z,0) − z·t + log(1 + e^−|z|); labels are floats [rows, cols]. Counted target: row × label. */
  BCE_WITH_LOGITS,
  /** Σⱼ (z − t)²; labels are floats [rows, cols]. Counted target: row × column. */
  MSE
}
