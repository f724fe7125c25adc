package io.github.lora4j.lora.internal;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;

class ModelCardTest {

  @Test
  void tagsAreSortedAsPeftSortsThem() {
    String card = ModelCard.of(Map.of("peft_type", "LORA", "base_model_name_or_path", "org/base", "task_type", "CAUSAL_LM", "peft_version",
        "0.19.1"));
    assertTrue(card.startsWith("""
        ---
        base_model: org/base
        library_name: peft
        pipeline_tag: text-generation
        tags:
        - base_model:adapter:org/base
        - lora
        - transformers
        ---
        """), card);
    assertTrue(card.endsWith("- PEFT 0.19.1"), card);
  }

  @Test
  void whatIsUnknownIsLeftOut() {
    String card = ModelCard.of(Map.of());
    assertFalse(card.contains("null"), card);
    assertTrue(card.contains("- transformers\n---\n"), card);
  }
}
