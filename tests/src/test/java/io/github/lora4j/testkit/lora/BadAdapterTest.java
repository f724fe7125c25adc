package io.github.lora4j.testkit.lora;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Settings that can only be mistakes are refused when the adapter is made or loaded, before anything trains; PEFT is silent on most. */
class BadAdapterTest {

  private static final ModelDescription MODEL = ModelDescription.of("mlp", List.of(ModuleInfo.linear("fc1", 11, 17, true),
      ModuleInfo.linear("fc2", 17, 5, true)));

  @TempDir
  Path temp;

  private static Adapter make(String method, Object... settings) {
    Map<String, Object> all = new LinkedHashMap<>(Map.of("target_modules", List.of("fc1", "fc2")));
    for (int i = 0; i < settings.length; i += 2) {
      all.put((String) settings[i], settings[i + 1]);
    }
    return AdapterMethod.named(method).create(all, MODEL);
  }

  private static void refused(Class<? extends RuntimeException> error, String part, Runnable body) {
    String message = assertThrows(error, body::run).getMessage();
    assertTrue(message.contains(part), message);
  }

  @Test
  void valuesThatSelectNothingOrScaleByNothing() {
    for (String method : List.of("lora", "adalora")) {
      refused(ConfigException.class, "'fc3' matches no module", () -> make(method, "target_modules", List.of("fc1", "fc3")));
      refused(ConfigException.class, "lora_alpha must be positive", () -> make(method, "lora_alpha", 0));
      refused(ConfigException.class, "lora_dropout must be in [0, 1)", () -> make(method, "lora_dropout", -0.1));
    }
    refused(ConfigException.class, "rank_pattern key 'fc3' matches none of the 2", () -> make("lora", "rank_pattern", Map.of("fc3", 2)));
    refused(ConfigException.class, "alpha_pattern key 'fc3' matches none of the 2", () -> make("lora", "alpha_pattern", Map.of("fc3", 2)));
  }

  @Test
  void schedulesThatCannotRun() {
    refused(ConfigException.class, "below init_r", () -> make("adalora", "init_r", 4, "target_r", 4));
    refused(ConfigException.class, "below init_r", () -> make("adalora", "init_r", 4, "target_r", 6));
    Adapter long30 = make("adalora", "init_r", 4, "target_r", 2, "tinit", 10, "tfinal", 20);
    refused(ConfigException.class, "tinit 10 and tfinal 20 leave no step of the run's 30", () -> long30.hook(30));
    Adapter rare = make("adalora", "init_r", 4, "target_r", 2, "tinit", 1, "tfinal", 0, "deltaT", 50);
    refused(ConfigException.class, "they would never move", () -> rare.hook(30));
  }

  @Test
  void ranksInTheConfigThatAreNotThoseOfTheTensors() throws IOException {
    Path lora = saved("lora", make("lora", "r", 4), config -> config.put("rank_pattern", Map.of("fc1", 2)));
    refused(FormatException.class, "[4, 11], expected [2, 11]", () -> PeftFormat.load(lora, MODEL));
    List<Boolean> two = List.of(true, false, true, false);
    Path adalora = saved("adalora", make("adalora", "init_r", 4, "target_r", 2), config ->
        config.put("rank_pattern", Map.of("fc1.lora_E", two, "fc2.lora_E", two)));
    refused(FormatException.class, "[4, 11], expected [2, 11]", () -> PeftFormat.load(adalora, MODEL));
    Path strange = saved("strange", make("adalora", "init_r", 4, "target_r", 2), config ->
        config.put("rank_pattern", Map.of("fc9.lora_E", two)));
    refused(ConfigException.class, "rank_pattern", () -> PeftFormat.load(strange, MODEL));
  }

  private Path saved(String name, Adapter adapter, Consumer<Map<String, Object>> change) throws IOException {
    Path directory = temp.resolve(name);
    try (AdapterValues values = new AdapterValues(adapter.parameters()).initialise(1)) {
      PeftFormat.save(directory, adapter, values);
    }
    Map<String, Object> config = new LinkedHashMap<>(PeftFormat.config(directory));
    change.accept(config);
    Files.writeString(directory.resolve(PeftFormat.CONFIG), new ObjectMapper().writeValueAsString(config));
    return directory;
  }
}
