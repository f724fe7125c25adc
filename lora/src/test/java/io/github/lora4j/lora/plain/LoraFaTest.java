package io.github.lora4j.lora.plain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.vector.ConfigException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What LoRA-FA multiplies gradients with, and what it refuses. */
class LoraFaTest {

  private static final ModelDescription MODEL = ModelDescription.of("mlp", List.of(ModuleInfo.embedding("emb", 23, 11),
      ModuleInfo.linear("fc1", 11, 17, true), ModuleInfo.linear("fc2", 17, 5, true)));

  private static Adapter lora(Map<String, Object> settings) {
    return AdapterMethod.named("lora").create(settings, MODEL);
  }

  @Test
  void theMatrixIsTheInverseOfAaTransposedOverTheSquareOfTheScale() {
    LoraFa adapter = new LoraFa(lora(Map.of("target_modules", List.of("fc1", "fc2"), "r", 4, "lora_alpha", 12)));
    try (AdapterValues values = new AdapterValues(adapter.parameters()).initialise(5)) {
      Map<String, float[]> matrices = adapter.constants(values);
      assertEquals(List.of("fc1.lora_A.inverse", "fc2.lora_A.inverse"), List.copyOf(matrices.keySet()));
      for (String module : List.of("fc1", "fc2")) {
        MemorySegment a = values.get(module + ".lora_A.weight");
        int in = (int) (a.byteSize() / 16);
        float[] p = matrices.get(module + ".lora_A.inverse");
        for (int i = 0; i < 4; i++) {
          for (int j = 0; j < 4; j++) {
            double product = 0;
            for (int k = 0; k < 4; k++) {
              double gram = 0;
              for (int x = 0; x < in; x++) {
                gram += (double) a.getAtIndex(ValueLayout.JAVA_FLOAT, (long) k * in + x) * a.getAtIndex(ValueLayout.JAVA_FLOAT,
                    (long) j * in + x);
              }
              product += 9 * p[4 * i + k] * gram;
            }
            assertEquals(i == j ? 1 : 0, product, 1e-5, module + " [" + i + "][" + j + "]");
          }
        }
      }
    }
  }

  @Test
  void aStaysAndBTrains() {
    LoraFa adapter = new LoraFa(lora(Map.of("target_modules", List.of("fc1"))));
    assertTrue(adapter.frozen("fc1.lora_A.weight"));
    assertEquals(false, adapter.frozen("fc1.lora_B.weight"));
  }

  @Test
  void refusals() {
    List.of(Map.entry("use_dora", Map.<String, Object>of("target_modules", List.of("fc1"), "use_dora", true)),
        Map.entry("lora_bias", Map.<String, Object>of("target_modules", List.of("fc1"), "lora_bias", true)),
        Map.entry("emb", Map.<String, Object>of("target_modules", List.of("emb", "fc1")))).forEach(c -> {
          String message = assertThrows(ConfigException.class, () -> new LoraFa(lora(c.getValue()))).getMessage();
          assertTrue(message.contains(c.getKey()), message);
        });
    Adapter plus = AdapterMethod.named("lora+").create(Map.of("target_modules", List.of("fc1")), MODEL);
    assertTrue(assertThrows(ConfigException.class, () -> new LoraFa(plus)).getMessage().contains("method must be lora"));
    Adapter square = lora(Map.of("target_modules", List.of("fc1"), "r", 2));
    try (AdapterValues values = new AdapterValues(square.parameters())) {
      values.get("fc1.lora_A.weight").setAtIndex(ValueLayout.JAVA_FLOAT, 0, Float.NaN);
      assertTrue(assertThrows(ConfigException.class, () ->
          new LoraFa(square).constants(values)).getMessage().contains("fc1.lora_A.weight"));
    }
  }
}
