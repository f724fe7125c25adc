package io.github.lora4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.train.data.Batches;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.vector.ConfigException;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The room that a run's longest batch takes. */
class TrainingPlanTest {

  private static TokenizedData data(List<int[]> ids) {
    return TokenizedData.of(ids, ids, Collections.nCopies(ids.size(), Target.NONE));
  }

  /** Of so many steps that any batch occurs, up to the last number of them that an int holds, it is that of the longest texts. */
  @ParameterizedTest
  @ValueSource(ints = {100_000_000, Integer.MAX_VALUE - 1, Integer.MAX_VALUE})
  void stepsNearTheLargestNumber(int steps) {
    TokenizedData data = data(IntStream.rangeClosed(1, 10).mapToObj(int[]::new).toList());
    assertEquals(10 + 9 + 8, TrainingPlan.longestBatch(data::tokens, data.size(), new Batches(10, 3, 1, 42), steps));
  }

  @Test
  void aBatchOfMoreTokensThanAreCounted() {
    TokenizedData data = data(Collections.nCopies(40_000, new int[1 << 16]));
    String message = assertThrows(ConfigException.class, () -> TrainingPlan.longestBatch(data::tokens, data.size(), new Batches(40_000, 40_000, 1, 42), 1)).getMessage();
    assertTrue(message.contains("2,621,440,000 tokens") && message.contains("batch_size"), message);
  }
}
