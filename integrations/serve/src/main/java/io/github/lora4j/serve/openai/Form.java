package io.github.lora4j.serve.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.generate.FinishReason;
import io.github.lora4j.inference.engine.TokenChance;
import java.util.List;

/** How an answer is written: whole, or piece by piece. */
interface Form {

  /**
   * Tokens that were used.
   *
   * @param prompt each prompt's counted once
   */
  record Usage(int prompt, int completion) {

    ObjectNode json(ObjectNode into) {
      into.put("prompt_tokens", prompt).put("completion_tokens", completion).put("total_tokens", prompt + completion);
      return into;
    }
  }

  /** All answers. */
  ObjectNode whole(List<Reply> replies, Usage usage);

  /** What comes before an answer's text. */
  List<ObjectNode> begin(int index);

  /** An answer goes on. */
  List<ObjectNode> more(int index, String text, List<TokenChance> tokens);

  /** An answer has ended. */
  List<ObjectNode> end(int index, FinishReason reason);

  /** The last piece of all. */
  ObjectNode usage(Usage usage);
}
