package io.github.lora4j.train.recorded;

import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.vector.ConfigException;

/**
 * A model that makes a text from a source. The loss is cross-entropy over the vocabulary; a prediction is the distribution behind the last
 * token of what is made so far.
 *
 * <p>An example's tokens are its target behind the model's start token, without the last one; its labels, one for each of those tokens, are the
 * target.
 */
public record SequenceToSequence(Model model) implements LabelledTokens {

  /** Checks that the model reads a source. */
  public SequenceToSequence {
    if (!model.architecture().readsSource()) {
      throw new ConfigException("model_type \"%s\" reads no source that a text could be made from".formatted(model.architecture().modelType()));
    }
  }

  /** The task on an architecture. */
  public SequenceToSequence(Architecture architecture) {
    this(new Model(architecture, new Head.LanguageModel()));
  }

  @Override
  public String taskType() {
    return "SEQ_2_SEQ_LM";
  }
}
