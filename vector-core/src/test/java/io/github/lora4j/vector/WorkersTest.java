package io.github.lora4j.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkersTest {

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5})
  void everyPieceRunsOnceInEveryRegion(int threads) {
    try (Workers workers = new Workers(threads)) {
      assertEquals(threads, workers.threads());
      for (int region = 0; region < 500; region++) {
        int count = region % 23;
        AtomicIntegerArray runs = new AtomicIntegerArray(Math.max(count, 1));
        workers.run(count, (i, worker) -> {
          assertTrue(worker >= 0 && worker < threads);
          runs.incrementAndGet(i);
        });
        for (int i = 0; i < count; i++) {
          assertEquals(1, runs.get(i), "piece " + i + " of region " + region);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5})
  void anExceptionReachesTheCallerAndTheWorkersStayUsable(int threads) {
    try (Workers workers = new Workers(threads)) {
      for (int region = 0; region < 50; region++) {
        RuntimeException thrown = new IllegalStateException("piece 7");
        assertSame(thrown, assertThrows(IllegalStateException.class, () -> workers.run(20, (i, worker) -> {
          if (i == 7) {
            throw thrown;
          }
        })));
        AssertionError error = new AssertionError();
        assertSame(error, assertThrows(AssertionError.class, () -> workers.run(2, (i, worker) -> {
          throw error;
        })));
        AtomicIntegerArray runs = new AtomicIntegerArray(9);
        workers.run(9, (i, worker) -> runs.incrementAndGet(i));
        for (int i = 0; i < 9; i++) {
          assertEquals(1, runs.get(i));
        }
      }
    }
  }

  @Test
  void whatPiecesWroteIsSeenByTheCaller() {
    int[] written = new int[64];
    try (Workers workers = new Workers(3)) {
      for (int region = 1; region <= 2000; region++) {
        int value = region;
        workers.run(written.length, (i, worker) -> written[i] = value);
        for (int w : written) {
          assertEquals(value, w);
        }
      }
    }
  }

  @Test
  void refusesNoThreadsAndUseAfterClose() {
    assertThrows(ConfigException.class, () -> new Workers(0));
    Workers workers = new Workers(2);
    workers.close();
    assertThrows(IllegalStateException.class, () -> workers.run(2, (i, worker) -> {}));
  }
}
