package io.github.lora4j.serve.openai;

import io.github.lora4j.generate.FinishReason;
import io.github.lora4j.inference.engine.TokenChance;
import java.util.List;

/**
 * One whole answer.
 *
 * @param tokens with their chances, if those were asked for
 * @param generated how many tokens it has
 */
record Reply(String text, List<TokenChance> tokens, FinishReason reason, int generated) {

  /** OpenAI's word for why it ended. */
  static String reason(FinishReason reason) {
    return switch (reason) {
      case EOS, STOP_STRING, CANCELLED, FAILED -> "stop";
      case LENGTH, CONTEXT -> "length";
    };
  }
}
