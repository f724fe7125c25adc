package io.github.lora4j.generate.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.generate.GeneratorOptions;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.WeightFormat;
import org.junit.jupiter.api.Test;

/** Room beyond what an int counts is refused by what it is asked for; a product that went round would be room for less, in silence. */
class RoomTest {

  @Test
  void moreTokensThanCanBeCounted() {
    GeneratorOptions some = new GeneratorOptions(1, 16, 16, 16, WeightFormat.F32);
    assertEquals(3 * 4096, some.room(3, 4096).cacheRows());
    for (int sequences : new int[] {1 << 19, (1 << 20) + 1, Integer.MAX_VALUE}) {
      String message = assertThrows(ConfigException.class, () -> some.room(sequences, 4096)).getMessage();
      assertTrue(message.contains("%,d sequences of 4,096 tokens".formatted(sequences)), message);
    }
  }

  @Test
  void moreLogitsThanAnArrayHolds() {
    String message = assertThrows(ConfigException.class, () -> new Logits(20_000, 128_256, DType.F32)).getMessage();
    assertTrue(message.contains("20,000 sequences") && message.contains("128,256"), message);
  }
}
