package io.github.lora4j.train.recorded;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.vector.ConfigException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CausalLmTest {

  @Test
  void tokensOfAnEncoderSeeWhatTheyWouldPredict() {
    Architecture encoder = ModelConfig.of(Map.of("model_type", "bert", "vocab_size", 11, "hidden_size", 4, "num_hidden_layers", 1,
        "num_attention_heads", 2, "intermediate_size", 8, "max_position_embeddings", 16)).architecture();
    String message = assertThrows(ConfigException.class, () -> new CausalLm(encoder)).getMessage();
    assertTrue(message.contains("encoder") && message.contains("bert"), message);
  }
}
