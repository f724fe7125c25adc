package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.ParameterGroup;
import io.github.lora4j.vector.ConfigException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class LoraPlusTest {

  private static final ModelDescription MODEL = ModelDescription.of("mlp", List.of(ModuleInfo.linear("fc1", 11, 17, true),
      ModuleInfo.layerNorm("norm", 17), ModuleInfo.linear("fc2", 17, 5, true), ModuleInfo.linear("head", 5, 2, true)));

  private static Adapter create(String method, Object... settings) {
    Map<String, Object> all = new LinkedHashMap<>(Map.of("target_modules", List.of("fc1", "fc2"), "r", 4, "bias", "lora_only",
        "modules_to_save", List.of("norm", "head")));
    for (int i = 0; i < settings.length; i += 2) {
      all.put((String) settings[i], settings[i + 1]);
    }
    return AdapterMethod.named(method).create(all, MODEL);
  }

  @Test
  void matricesLearnSlowlyAndBsAndVectorsFast() {
    Map<String, String> groups = new LinkedHashMap<>();
    Adapter adapter = create("lora+");
    adapter.parameters().forEach(p -> groups.put(p.slot(), adapter.groups().get(p.group()).name()));
    assertEquals(Map.of("fc1.lora_A.weight", "A", "fc1.lora_B.weight", "B", "fc2.lora_A.weight", "A", "fc2.lora_B.weight", "B", "fc1.bias",
        "biases and norms", "fc2.bias", "biases and norms", "norm.weight", "biases and norms", "norm.bias", "biases and norms", "head.weight",
        "A"), without(groups, "head.bias"));
    assertEquals("biases and norms", groups.get("head.bias"));
    assertEquals(List.of(true, true, true, false), adapter.groups().stream().map(ParameterGroup::decays).toList());
  }

  private static Map<String, String> without(Map<String, String> map, String key) {
    Map<String, String> rest = new LinkedHashMap<>(map);
    rest.remove(key);
    return rest;
  }

  @Test
  void ratesFollowTheRunsButForEmbeddings() {
    List<ParameterGroup> groups = create("lora+", "loraplus_lr_ratio", 8, "loraplus_lr_embedding", 3e-5).groups();
    assertEquals(List.of(2e-4, 3e-5, 16e-4, 16e-4), groups.stream().map(group -> group.rate(2e-4)).toList());
    assertEquals(16 * 2e-4, create("lora+").groups().get(2).rate(2e-4), 1e-12, "the paper's ratio where none is given");
  }

  @Test
  void savesWhatTheMethodItselfSaves() {
    assertEquals(create("lora").peftConfig(), create("lora+").peftConfig());
    assertEquals(create("lora").parameters().stream().map(AdapterParameter::key).toList(),
        create("lora+").parameters().stream().map(AdapterParameter::key).toList());
  }

  @Test
  void wrongSettingsAreNamed() {
    refused("loraplus_lr_ratio must be at least 1, got 0.5", "loraplus_lr_ratio", 0.5);
    refused("loraplus_lr_ratio must be a number, got fast", "loraplus_lr_ratio", "fast");
    refused("loraplus_lr_embedding must be positive", "loraplus_lr_embedding", 0);
    refused("optimizer.weight_decay holds", "loraplus_weight_decay", 0.1);
    refused("unknown key 'loraplus_ratio'", "loraplus_ratio", 4);
    String message = assertThrows(ConfigException.class, () -> AdapterMethod.named("nothing+")).getMessage();
    assertTrue(message.contains("method 'nothing' is not available"), message);
  }

  private static void refused(String part, Object... settings) {
    String message = assertThrows(ConfigException.class, () -> create("lora+", settings)).getMessage();
    assertTrue(message.contains(part), message);
  }
}
