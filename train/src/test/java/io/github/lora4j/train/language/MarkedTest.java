package io.github.lora4j.train.language;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.github.lora4j.tokenizer.Encoding;
import io.github.lora4j.tokenizer.chat.Span;
import java.util.List;
import org.junit.jupiter.api.Test;

class MarkedTest {

  /**
   * "Q: \n" is asked, "  ab" is the answer. Byte-level tokenizers that trim offsets, as Llama 3's, let a token of blanks alone end where it starts;
   * one that a tokenizer adds is at 0.
   */
  @Test
  void blanksOfAnAnswerAreLearntAndAddedTokensAreNot() {
    int[] starts = {0, 0, 1, 3, 4, 5, 6, 0};
    int[] ends = {0, 1, 2, 3, 4, 5, 8, 0};
    Marked marked = Marked.of(new Encoding(new int[] {1, 10, 11, 12, 13, 14, 15, 2}, new int[8], starts, ends, false), List.of(new Span(4, 8)));
    assertArrayEquals(new boolean[] {false, false, false, false, false, true, true, false}, marked.counted());
  }
}
