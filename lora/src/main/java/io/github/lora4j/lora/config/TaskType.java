package io.github.lora4j.lora.config;

import java.util.List;

/** What a fine-tuned model is for, in PEFT's terms; it decides which head trains along with the adapter. */
public enum TaskType {
  SEQ_CLS("classifier", "score"), SEQ_2_SEQ_LM, CAUSAL_LM, TOKEN_CLS("classifier", "score"), QUESTION_ANS("qa_outputs"),
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
