package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.github.lora4j.train.export.MergedForm;
import io.github.lora4j.train.export.MergedModel;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.WeightFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
  private static final int TOKENS = 12;
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
      Path merged = temp.resolve("merged.gguf");
      MergedForm.Gguf f32 = new MergedForm.Gguf(Optional.of(WeightFormat.F32), Optional.empty(), false);
      LlamaCppParityTest.Greedy ours = LlamaCppParityTest.greedy(model, Optional.of(adapter), PROMPTS, TOKENS);
      try {
        MergedModel.ofAdapter(model, adapter, f32, merged);
      } catch (ConfigException e) {
        throw GoldenCases.notYet("refused: " + e.getMessage());
      }
      LlamaCppParityTest.Greedy again = LlamaCppParityTest.greedy(merged, Optional.empty(), PROMPTS, TOKENS);
      for (int i = 0; i < PROMPTS.size(); i++) {
        assertArrayEquals(ours.ids().get(i), again.ids().get(i));
        assertArrayEquals(ours.logits().get(i).getFirst(), again.logits().get(i).getFirst(), 2e-4f);
      }
      if (!System.getProperty("llamacpp", "").isEmpty()) {
        llamaCpp(GoldenCases.name(dir), temp, ours);
      }
    } finally {
      Numbers.delete(temp);
    }
  }

  private static void llamaCpp(String name, Path temp, LlamaCppParityTest.Greedy ours) throws IOException, InterruptedException {
    LlamaCpp peer = new LlamaCpp(Path.of(System.getProperty("llamacpp")));
    LlamaCpp.Answer merged = peer.run(temp, List.of(new LlamaCpp.Job(temp.resolve("merged.gguf"), "", PROMPTS, List.of(), TOKENS)))
        .getFirst();
    System.out.printf("parity %-28s llama.cpp, merged GGUF   %s%n", name, LlamaCppParityTest.compare(ours, merged.ids(), merged.last(), 2e-2));
  }
}
