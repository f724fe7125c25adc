package io.github.lora4j.lora.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.vector.ConfigException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LoraConfigTest {

  @Test
  void defaultsArePefts() {
    LoraConfig config = LoraConfig.ofSettings(Map.of());
    assertEquals(LoraConfig.builder().build(), config);
    assertEquals(8, config.r());
    assertEquals(8, config.loraAlpha());
    assertEquals(0, config.loraDropout());
    assertEquals(1, config.scaling(8, 8));
  }

  @Test
  void readsEverySetting() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("task_type", "TOKEN_CLS");
    settings.put("r", 4);
    settings.put("lora_alpha", 32L);
    settings.put("lora_dropout", 0.1);
    settings.put("target_modules", List.of("query", "value"));
    settings.put("exclude_modules", ".*\\.0\\..*");
    settings.put("layers_to_transform", 1);
    settings.put("layers_pattern", "layer");
    settings.put("rank_pattern", Map.of("query", 2));
    settings.put("alpha_pattern", Map.of("value", 3.5));
    settings.put("bias", "lora_only");
    settings.put("use_rslora", true);
    settings.put("modules_to_save", List.of("pooler"));
    settings.put("init_lora_weights", "gaussian");
    settings.put("revision", null);
    assertEquals(LoraConfig.builder().taskType(TaskType.TOKEN_CLS).r(4).loraAlpha(32).loraDropout(0.1).targetModules("query", "value")
        .excludeModules(new TargetModules.Regex(".*\\.0\\..*")).layers(new LayerChoice(List.of(1), List.of("layer"), List.of(1, "layer")))
            .rankPattern(Map.of("query", 2))
        .alphaPattern(Map.of("value", 3.5)).bias(Bias.LORA_ONLY).useRslora(true).modulesToSave(List.of("pooler"))
        .initLoraWeights(InitLoraWeights.GAUSSIAN).build(), LoraConfig.ofSettings(settings));
    assertEquals(List.of("pooler", "classifier", "score"), LoraConfig.ofSettings(settings).allModulesToSave());
    assertEquals(16, LoraConfig.ofSettings(settings).scaling(4, 32));
  }

  @Test
  void writingAndReadingGivesTheSame() {
    LoraConfig config = LoraConfig.builder().taskType(TaskType.CAUSAL_LM).r(3).loraAlpha(4.5).targetModules("q_proj").useRslora(true)
        .rankPattern(Map.of("a", 1)).alphaPattern(Map.of("b", 2.0)).baseModel("x/y").other(Map.of("of_the_future", List.of(1, 2))).build();
    assertEquals(config, LoraConfig.ofPeft(config.toPeft()));
    for (TargetModules targets : List.of(TargetModules.UNSET, TargetModules.ALL_LINEAR, new TargetModules.Regex("x.*"),
        TargetModules.of("a", "b"))) {
      LoraConfig other = config.toBuilder().targetModules(targets).build();
      assertEquals(other, LoraConfig.ofPeft(other.toPeft()));
    }
  }

  @Test
  void everyProblemIsReportedAtOnce() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("r", 0);
    settings.put("lora_aplha", 16);
    settings.put("lora_dropout", -0.1);
    settings.put("task_type", "FOO");
    settings.put("use_qalora", true);
    settings.put("init_lora_weights", "corda");
    settings.put("target_modules", "(unclosed");
    settings.put("bias", 3);
    String message = assertThrows(ConfigException.class, () -> LoraConfig.ofSettings(settings)).getMessage();
    for (String part : List.of("8 problems", "r must be a positive integer", "got 0", "'lora_aplha'; did you mean 'lora_alpha'?",
        "lora_dropout", "-0.1",
        "SEQ_CLS, SEQ_2_SEQ_LM", "FOO", "use_qalora is set, but QA-LoRA is not supported yet", "corda is not supported yet",
            "(unclosed", "bias must be")) {
      assertTrue(message.contains(part), () -> part + " is missing in: " + message);
    }
  }

  @ParameterizedTest
  @CsvSource({"lora_alpha,0", "lora_alpha,-1", "r,8.5", "lora_dropout,1.0", "lora_dropout,-0.5"})
  void refusesNumbersThatPeftAcceptsSilentlyOrFailsOnLate(String key, double value) {
    String message = assertThrows(ConfigException.class, () -> LoraConfig.ofSettings(Map.of(key, value))).getMessage();
    assertTrue(message.contains(key), message);
  }

  @Test
  void layersNeedAListOfTargets() {
    assertThrows(ConfigException.class, () -> LoraConfig.ofSettings(Map.of("layers_pattern", "layer")));
    assertThrows(ConfigException.class, () -> LoraConfig.ofSettings(Map.of("target_modules", "all-linear", "layers_to_transform",
        List.of(1))));
    assertThrows(ConfigException.class, () -> LoraConfig.builder().targetModules(TargetModules.of()).build());
  }

  @Test
  void keysOfANewerPeftAreKept() {
    LoraConfig config = LoraConfig.ofPeft(Map.of("peft_type", "LORA", "new_field", Map.of("x", 1)));
    assertEquals(Map.of("x", 1), config.other().get("new_field"));
    assertEquals(Map.of("x", 1), config.toPeft().get("new_field"));
    assertEquals(Optional.empty(), config.taskType());
  }
}
