package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.export.MergedForm;
import io.github.lora4j.train.export.MergedModel;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.WeightFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Decoders of every family, with their adapters merged, say the same from the GGUF file as from their directory, or are refused: what their config.json
 * says has no key. With {@code -Dllamacpp=DIR} llama.cpp must say it, too, from the merged file.
 */
class GoldenGgufFamiliesTest {

  private static final String FOLDER = "models";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int TOKENS = 12;
  /** What a refusal names. */
  private static final List<String> REASONS = List.of("query_pre_attn_scalar", "no_rope_layers", "of type \"dynamic\"", "has no form in GGUF here");
  private static final List<int[]> PROMPTS = List.of(new int[] {1, 5, 9, 20, 30, 7}, new int[] {3, 17, 11});

  @TestFactory
  Stream<DynamicTest> decoders() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories(FOLDER)) {
      if (GoldenCases.name(dir).contains("_lm_") && Files.exists(dir.resolve("model.safetensors")) && Files.exists(dir.resolve("adapter"))) {
        checks.put(GoldenCases.name(dir), () -> same(dir));
      }
    }
    return GoldenCases.tests(FOLDER, checks);
  }

  private static void same(Path dir) throws IOException, InterruptedException {
    Path temp = Files.createTempDirectory("family");
    try {
      Path model = Files.createDirectories(temp.resolve("model"));
      Files.copy(dir.resolve("config.json"), model.resolve("config.json"));
      Files.copy(dir.resolve("model.safetensors"), model.resolve("model.safetensors"));
      // The cases have no tokenizer; any will do.
      Files.write(model.resolve("vocab.txt"), List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##a"));
      Path adapter = dir.resolve("adapter");
      try {
        same(GoldenCases.name(dir), model, adapter, temp.resolve("merged.gguf"), prompts(model), TOKENS);
      } catch (ConfigException e) {
        if (!e.getMessage().contains("sliding_window is")) {
          assertTrue(REASONS.stream().anyMatch(e.getMessage()::contains), () -> "no reason is named: " + e.getMessage());
          throw GoldenCases.notYet("refused: " + e.getMessage());
        }
        // The way out that the message names: no text is longer than the window.
        ObjectNode config = (ObjectNode) JSON.readTree(model.resolve("config.json").toFile());
        config.put("max_position_embeddings", config.get("sliding_window").asInt());
        JSON.writeValue(model.resolve("config.json").toFile(), config);
        same(GoldenCases.name(dir), model, adapter, temp.resolve("short.gguf"), List.of(new int[] {1, 5}, new int[] {3}), 2);
      }
    } finally {
      Numbers.delete(temp);
    }
  }

  private static void same(String name, Path model, Path adapter, Path merged, List<int[]> prompts, int tokens) throws IOException, InterruptedException {
    MergedModel.ofAdapter(model, adapter, new MergedForm.Gguf(Optional.of(WeightFormat.F32), Optional.empty(), false), merged);
    LlamaCppParityTest.Greedy ours = LlamaCppParityTest.greedy(model, Optional.of(adapter), prompts, tokens);
    LlamaCppParityTest.Greedy again = LlamaCppParityTest.greedy(merged, Optional.empty(), prompts, tokens);
    for (int i = 0; i < prompts.size(); i++) {
      assertArrayEquals(ours.ids().get(i), again.ids().get(i));
      assertArrayEquals(ours.logits().get(i).getFirst(), again.logits().get(i).getFirst(), 2e-4f);
    }
    if (!System.getProperty("llamacpp", "").isEmpty()) {
      LlamaCpp peer = new LlamaCpp(Path.of(System.getProperty("llamacpp")));
      LlamaCpp.Answer answer = peer.run(merged.getParent(), List.of(new LlamaCpp.Job(merged, "", prompts, List.of(), tokens))).getFirst();
      System.out.printf("parity %-28s llama.cpp, merged GGUF   %s%n", name, LlamaCppParityTest.compare(ours, answer.ids(), answer.last(), 2e-2));
    }
  }

  /** llama.cpp knows longrope's lists apart by the room for a text, not by its length: texts are longer than the border. */
  private static List<int[]> prompts(Path model) {
    JsonNode config = ModelDirectory.open(model).config().json();
    int border = config.findPath("short_factor").isMissingNode() ? 0 : config.findPath("original_max_position_embeddings").asInt();
    return border == 0 ? PROMPTS : PROMPTS.stream().map(prompt -> {
      int[] longer = Arrays.copyOf(prompt, prompt.length + border);
      Arrays.setAll(longer, i -> i < prompt.length ? prompt[i] : 3 + 7 * i % 60);
      return longer;
    }).toList();
  }
}
