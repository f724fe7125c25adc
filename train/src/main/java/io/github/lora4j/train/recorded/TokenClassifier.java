package io.github.lora4j.train.recorded;

import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;

/** A class for each token, as in the recognition of names: logits [tokens, labels]. The loss is cross-entropy of the counted tokens. */
public record TokenClassifier(Model model) implements LabelledTokens {

  /** The task on an architecture. */
  public TokenClassifier(Architecture architecture, int labels) {
    this(new Model(architecture, new Head.TokenClassification(labels)));
  }

  @Override
  public String taskType() {
    return "TOKEN_CLS";
  }
}
