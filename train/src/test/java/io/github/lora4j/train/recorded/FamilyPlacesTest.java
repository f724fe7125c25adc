package io.github.lora4j.train.recorded;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.model.DefaultPlaces;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelConfig;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Families say of themselves what PEFT's tables say of them. */
class FamilyPlacesTest {

  private static ModelDescription of(String type) {
    Map<String, Object> fields = new HashMap<>(type.equals("gpt2") ? Map.of("vocab_size", 11, "n_embd", 4, "n_layer", 2, "n_head", 2,
        "n_positions", 16) : Map.of("vocab_size", 11, "hidden_size", 4, "num_hidden_layers", 2, "num_attention_heads", 2, "intermediate_size", 8,
        "max_position_embeddings", 16));
    fields.put("model_type", type);
    return RecordedTask.describe(new Model(ModelConfig.of(fields).architecture(), new Head.SequenceClassification(3)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"bert", "roberta", "llama", "qwen2", "mistral", "gpt2"})
  void placesAreThoseOfPeft(String type) {
    DefaultPlaces ours = of(type).places();
    DefaultPlaces peft = DefaultPlaces.ofPeft(type);
    assertEquals(peft.lora(), ours.lora());
    assertEquals(peft.adaLora(), ours.adaLora());
    assertEquals(peft.ia3(), ours.ia3());
    assertEquals(peft.ia3Feedforward(), ours.ia3Feedforward());
  }

  /** Where blocks end, PEFT does not say; the names of the table and of the family pick the same modules. */
  @ParameterizedTest
  @ValueSource(strings = {"bert", "roberta", "llama", "qwen2", "gpt2"})
  void bottlenecksStandBehindTheSameBlocks(String type) {
    ModelDescription model = of(type);
    assertEquals(bottlenecks(new ModelDescription(type, model.modules(), model.outputModule(), model.tied())), bottlenecks(model));
  }

  private static List<String> bottlenecks(ModelDescription model) {
    return AdapterMethod.named("houlsby").create(Map.of(), model).parameters().stream().map(AdapterParameter::slot).toList();
  }
}
