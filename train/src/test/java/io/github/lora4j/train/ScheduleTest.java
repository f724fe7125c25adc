package io.github.lora4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.train.Schedule.Kind;
import io.github.lora4j.vector.ConfigException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.api.Test;

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
  @EnumSource(value = Kind.class, mode = EnumSource.Mode.EXCLUDE, names = "CONSTANT")
  void warmUpRisesFromZero(Kind kind) {
    Schedule schedule = Schedule.of(kind, 4, 100);
    assertEquals(0, schedule.factor(0));
    assertEquals(0.25, schedule.factor(1));
    assertEquals(0.75, schedule.factor(3));
    assertEquals(1, schedule.factor(4));
  }

  @Test
  void impossibleNumbersAreRefused() {
    assertThrows(ConfigException.class, () -> Schedule.of(Kind.LINEAR, -1, 10));
    assertThrows(ConfigException.class, () -> new Schedule(Kind.POLYNOMIAL, 0, 10, 1, 0, 0, 0));
    assertThrows(ConfigException.class, () -> new Schedule(Kind.COSINE_WITH_RESTARTS, 0, 10, 0, 1, 0, 0));
  }
}
