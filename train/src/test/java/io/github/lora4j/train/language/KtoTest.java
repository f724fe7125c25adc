package io.github.lora4j.train.language;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.train.data.Target;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rewards of good and bad answers. */
class KtoTest {

  private static final float[][] JUDGED = {{2}, {0}, {-4}, {0}};

  private static Target answers(boolean good) {
    return new Target.Answers(List.of(), good);
  }

  @Test
  void rewardsOfBoth() {
    assertEquals(Map.of("reward_good", 0.2, "reward_bad", -0.4, "reward_margin", 0.2 + 0.4),
        new Kto().metrics(JUDGED, List.of(answers(true), answers(false))));
  }

  /** Data without bad answers has no mean of theirs, nor a number that is none. */
  @Test
  void rewardsOfOneKindAlone() {
    assertEquals(Map.of("reward_good", 0.1 * (2 - 4) / 2), new Kto().metrics(JUDGED, List.of(answers(true), answers(true))));
    assertEquals(Map.of("reward_bad", 0.1 * (2 - 4) / 2), new Kto().metrics(JUDGED, List.of(answers(false), answers(false))));
  }

  @ParameterizedTest
  @CsvSource({"0, 1, 1", "0.1, -1, 1", "0.1, Infinity, 1", "0.1, 1, NaN", "Infinity, 1, 1"})
  void numbersThatWeighNothing(double beta, double good, double bad) {
    String message = assertThrows(ConfigException.class, () -> new Kto("kto", beta, good, bad, "step", new Writing())).getMessage();
    assertTrue(message.contains(String.valueOf(beta)) && message.contains(String.valueOf(good)) && message.contains(String.valueOf(bad)), message);
  }
}
