package io.github.lora4j.generate.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What files say, what users say, and who wins. */
final class GenerationSettingsTest {

  @Test
  void explicitSettingsWin() {
    Map<String, Object> own = Map.of("temperature", 0.6, "do_sample", true, "eos_token_id", List.of(2, 7), "max_new_tokens", 5,
        "transformers_version", "5.0");
    GenerationConfig config = GenerationSettings.of(own, Map.of("temperature", 0.9, "max_length", 40));
    assertEquals(0.9, config.filters().temperature());
    assertEquals(List.of(2, 7), config.stop().eosTokenIds());
    assertEquals(40, config.length().limit(30), "max_new_tokens of the file gives way");
    assertEquals(35, GenerationSettings.of(own, Map.of()).length().limit(30));
    assertEquals(50, config.filters().topK(), "transformers' default");
  }

  @Test
  void settingsForDrawingTurnItOnUnlessSaidOtherwise() {
    assertTrue(GenerationSettings.of(Map.of("top_p", 0.9)).sampling().doSample());
    assertFalse(GenerationSettings.of(Map.of("temperature", 0.5), Map.of()).sampling().doSample(), "of a file they do not");
    says("temperature has no effect with do_sample false", Map.of("temperature", 0.5, "do_sample", false));
  }

  @Test
  void whatIsWrongIsSaidAllAtOnce() {
    says("unknown setting 'temprature'; did you mean 'temperature'?", Map.of("temprature", 0.5));
    says("temperature must be a positive number, got 0.0; for the best token each time: do_sample false", Map.of("temperature", 0.0));
    says("top_p must be from 0 to 1, got 1.5", Map.of("top_p", 1.5));
    says("max_new_tokens must be at least 1", Map.of("max_new_tokens", 0));
    says("guidance_scale is 2.0, which is not supported", Map.of("guidance_scale", 2.0));
    says("bad_words_ids must be a list of lists of token ids", Map.of("bad_words_ids", List.of(3)));
    says("2 problems", Map.of("top_p", -1, "min_p", 2));
    says("stop_strings holds an empty text", Map.of("stop_strings", List.of("a", "")));
  }

  private static void says(String text, Map<String, ?> settings) {
    String message = assertThrows(ConfigException.class, () -> GenerationSettings.of(settings)).getMessage();
    assertTrue(message.contains(text), message);
  }

  @Test
  void aModelsFilesAreRead(@TempDir Path model) throws IOException {
    Files.writeString(model.resolve("config.json"), "{\"eos_token_id\": 9, \"vocab_size\": 3}");
    assertEquals(Map.of("eos_token_id", 9), GenerationSettings.ofModel(model));
    Path file = Files.writeString(model.resolve(GenerationSettings.FILE), "{\"eos_token_id\": [4], \"top_k\": 3}");
    assertEquals(Map.of("eos_token_id", List.of(4), "top_k", 3), GenerationSettings.ofModel(model));
    Files.writeString(file, "[1]");
    assertTrue(assertThrows(FormatException.class, () -> GenerationSettings.ofModel(model)).getMessage().contains(GenerationSettings.FILE));
  }
}
