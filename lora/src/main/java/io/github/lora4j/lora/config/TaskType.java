package io.github.lora4j.lora.config;

import java.util.List;

/** What a fine-tuned model is for, in PEFT's terms; it decides which head trains along with the adapter. */
public enum TaskType {
  /** Classes of whole sequences, or a number for each. */
  SEQ_CLS("classifier", "score"),
  /** Text from text, by an encoder and a decoder. */
  SEQ_2_SEQ_LM,
  /** The next token. */
  CAUSAL_LM,
  /** Classes of tokens. */
  TOKEN_CLS("classifier", "score"),
  /** Where the answer begins and ends. */
  QUESTION_ANS("qa_outputs"),
  /** Hidden states, without a head. */
  FEATURE_EXTRACTION;

  private final List<String> heads;

  TaskType(String... heads) {
    this.heads = List.of(heads);
  }

  /** The modules PEFT adds to {@code modules_to_save} for this task; a model has one of them. */
  public List<String> heads() {
    return heads;
  }
}
