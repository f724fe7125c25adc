package io.github.lora4j.models;

import io.github.lora4j.vector.ConfigException;

/** What stands on a base model. */
public sealed interface Head {

  /** Whether parameters of the head that the files lack are drawn anew; otherwise they must be there. */
  boolean drawn();

  /** The base model alone, whose parameters go by names without its prefix. */
  record None() implements Head {
    @Override
    public boolean drawn() {
      return false;
    }
  }

  /** Logits, or values, of whole sequences. */
  record SequenceClassification(int labels) implements Head {
    /** Checks the number. */
    public SequenceClassification {
      atLeastOne(labels);
    }

    @Override
    public boolean drawn() {
      return true;
    }
  }

  /** Logits of every token. */
  record TokenClassification(int labels) implements Head {
    /** Checks the number. */
    public TokenClassification {
      atLeastOne(labels);
    }

    @Override
    public boolean drawn() {
      return true;
    }
  }

  /** For every token how likely an answer starts there, and ends there. */
  record QuestionAnswering() implements Head {
    @Override
    public boolean drawn() {
      return true;
    }
  }

  /** Logits over the vocabulary: of the next token in a decoder, of a masked one in an encoder. */
  record LanguageModel() implements Head {
    /** A layer over the vocabulary that is drawn knows nothing of the model's words. */
    @Override
    public boolean drawn() {
      return false;
    }
  }

  private static void atLeastOne(int labels) {
    if (labels < 1) {
      throw new ConfigException("a head for %d labels: at least 1 is needed".formatted(labels));
    }
  }
}
