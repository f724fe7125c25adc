package io.github.lora4j.train.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.train.recipe.Schedule.Decay;
import io.github.lora4j.train.recipe.Schedule.Kind;
import io.github.lora4j.vector.ConfigException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Edges of the schedules; their curves are compared with transformers elsewhere. */
class ScheduleTest {

  @ParameterizedTest
  @EnumSource(Kind.class)
  void everyFactorIsBetween0And1(Kind kind) {
    for (int warmup : new int[] {0, 1, 7, 20}) {
      for (int total : new int[] {0, 1, 2, 20}) {
        Schedule schedule = new Schedule(kind, warmup, total, 2, 2, 0.1, total / 2);
        for (int step = 0; step < 45; step++) {
          double factor = schedule.factor(step);
          assertTrue(factor >= 0 && factor <= 1, "%s at %d: %s".formatted(schedule, step, factor));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(value = Kind.class, mode = EnumSource.Mode.EXCLUDE, names = {"CONSTANT", "COSINE_WITH_MIN_LR", "WARMUP_STABLE_DECAY"})
  void warmUpRisesFromZero(Kind kind) {
    Schedule schedule = Schedule.of(kind, 4, 100, 1e-3, Decay.NONE);
    assertEquals(0, schedule.factor(0));
    assertEquals(0.25, schedule.factor(1));
    assertEquals(0.75, schedule.factor(3));
    assertEquals(1, schedule.factor(4));
  }

  @Test
  void impossibleNumbersAreRefused() {
    assertThrows(ConfigException.class, () -> Schedule.of(Kind.LINEAR, -1, 10, 1e-3, Decay.NONE));
    assertThrows(ConfigException.class, () -> new Schedule(Kind.POLYNOMIAL, 0, 10, 1, 0, 0, 0));
    assertThrows(ConfigException.class, () -> new Schedule(Kind.COSINE_WITH_RESTARTS, 0, 10, 0, 1, 0, 0));
  }

  /** Hugging Face raises: num_decay_steps and min_lr have no default. */
  @ParameterizedTest
  @EnumSource(value = Kind.class, names = {"COSINE_WITH_MIN_LR", "WARMUP_STABLE_DECAY"})
  void kindsThatNeedMoreAreRefused(Kind kind) {
    String message = assertThrows(ConfigException.class, () -> Schedule.of(kind, 0, 10, 1e-3, Decay.NONE)).getMessage();
    assertTrue(message.startsWith("optimizer.schedule " + kind.key() + " needs "), message);
  }

  /** get_polynomial_decay_schedule_with_warmup(lr_end=1e-7) at its last step, for a learning rate of 1e-3: 1e-7, not 1e-7 of it. */
  @Test
  void aPolynomialEndsAtARateNotAtAFactor() {
    assertEquals(1e-7, 1e-3 * Schedule.of(Kind.POLYNOMIAL, 2, 10, 1e-3, Decay.NONE).factor(10), 1e-15);
    assertThrows(ConfigException.class, () -> Schedule.of(Kind.POLYNOMIAL, 0, 10, 1e-7, Decay.NONE));
  }
}
