package io.github.lora4j.train.language;

import io.github.lora4j.train.rows.Content;
import java.util.List;

/** Instructions as the text that models tuned on Alpaca expect. */
final class Alpaca {

  private static final String WITH_INPUT = "Below is an instruction that describes a task, paired with an input that provides further context. "
      + "Write a response that appropriately completes the request.";
  private static final String WITHOUT = "Below is an instruction that describes a task. Write a response that appropriately completes the request.";

  private Alpaca() {}

  /** All before the answer. */
  static String prompt(Content.Instruction row) {
    StringBuilder text = new StringBuilder(!row.system().isEmpty() ? row.system() : row.input().isEmpty() ? WITHOUT : WITH_INPUT);
    for (List<String> turn : row.history()) {
      text.append("\n\n### Instruction:\n").append(turn.getFirst()).append("\n\n### Response:\n").append(turn.getLast());
    }
    text.append("\n\n### Instruction:\n").append(row.instruction());
    if (!row.input().isEmpty()) {
      text.append("\n\n### Input:\n").append(row.input());
    }
    return text.append("\n\n### Response:\n").toString();
  }
}
