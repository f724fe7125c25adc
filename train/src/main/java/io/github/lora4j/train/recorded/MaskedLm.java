package io.github.lora4j.train.recorded;

import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.Rows;
import io.github.lora4j.vector.ConfigException;

/**
 * An encoder that predicts masked tokens: logits over the vocabulary for every token. The loss is cross-entropy of the labelled tokens.
 *
 * <p>An example's labels are token ids, one for each of its tokens; −100 is not counted.
 */
public record MaskedLm(Model model) implements LabelledTokens {

  /** Checks that tokens see what is behind them. */
  public MaskedLm {
    if (model.architecture().rowsOf(model.head()) != Rows.ALL) {
      throw new ConfigException("masked tokens are predicted by encoders; model_type \"%s\" is a decoder".formatted(
          model.architecture().modelType()));
    }
  }

  /** The task on an architecture. */
  public MaskedLm(Architecture architecture) {
    this(new Model(architecture, new Head.LanguageModel()));
  }

  /** PEFT has no name for this task. */
  @Override
  public String taskType() {
    return "";
  }
}
