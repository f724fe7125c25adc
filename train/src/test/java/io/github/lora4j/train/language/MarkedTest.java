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
    Marked marked = Marked.of(new Encoding(new int[] {1, 10, 11, 12, 13, 14, 15, 2}, new int[8], starts, ends, false),
        List.of(new Marked.Learnt(new Span(4, 8), 1)));
    assertArrayEquals(new boolean[] {false, false, false, false, false, true, true, false}, marked.labels().counted());
    assertArrayEquals(new int[0], marked.straddling());
    assertArrayEquals(new float[0], marked.labels().weights(), "all count the same");
  }

  /** "Q:\n" is asked, "\nab" and "cd" are answers that count 1 and 0.5: tokens "Q:", "\n\n", "a", "bc", "d". */
  @Test
  void aTokenCountsAsItsFirstCharacterDoes() {
    Marked marked = Marked.of(new Encoding(new int[] {1, 2, 3, 4, 5}, new int[5], new int[] {0, 2, 4, 5, 7}, new int[] {2, 4, 5, 7, 8}, false),
        List.of(new Marked.Learnt(new Span(3, 6), 1), new Marked.Learnt(new Span(6, 8), 0.5f)));
    assertArrayEquals(new float[] {0, 0, 1, 1, 0.5f}, marked.weights());
    assertArrayEquals(new int[] {1, 3}, marked.straddling());
    assertArrayEquals(new int[] {0}, marked.examples(LongRows.SPLIT,
        3).stream().map(example -> (io.github.lora4j.train.data.Target.TokenLabels) example.target())
        .toList().getLast().straddling(), "counted from where a part begins");
  }
}
