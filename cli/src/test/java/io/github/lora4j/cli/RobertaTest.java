package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A RoBERTa with vocab.json and merges.txt, from its directory and a table to a merged model. */
class RobertaTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir
  private Path dir;

  @Test
  void trainsEvaluatesPredictsAndMerges() throws IOException {
    Path model = model(dir.resolve("model"));
    Path run = dir.resolve("run");
    Path merged = dir.resolve("merged");
    Path train = csv(dir.resolve("train.csv"), 60, 1);
    Path test = csv(dir.resolve("test.csv"), 40, 2);
    Cli.ok("train", "--model", model, "--output", run, "--data.train", train, "--data.eval", test, "--data.text", "text",
        "--data.label", "mood", "--adapter.target_modules", "query,value,dense", "--adapter.r", 4, "--optimizer.learning_rate", "2e-2",
        "--epochs", 6, "--batch_size", 4);
    JsonNode eval = JSON.readTree(Cli.ok("eval", run, "--json", "--base").out());
    assertTrue(eval.at("/adapter/accuracy").asDouble() > 0.9, eval.toString());
    assertTrue(eval.at("/adapter/loss").asDouble() < eval.at("/base/loss").asDouble(), eval.toString());
    String answer = Cli.ok("predict", run, "--text", "the film is great", "--text", "the plot is awful").out();
    assertTrue(answer.matches("good\tgood=0\\.\\d{4} .*great\\Rbad\tbad=0\\.\\d{4} .*awful\\R"), answer);
    MergeTest.same(run, merged, "merge", run, "--output", merged);
    assertEquals("RobertaForSequenceClassification", JSON.readTree(merged.resolve("config.json").toFile()).at("/architectures/0").asText());
    for (String file : List.of("vocab.json", "merges.txt", "tokenizer_config.json")) {
      assertArrayEquals(Files.readAllBytes(model.resolve(file)), Files.readAllBytes(merged.resolve(file)));
    }
  }

  private static Path csv(Path file, int count, long seed) throws IOException {
    List<String> lines = new ArrayList<>(List.of("mood,text"));
    TinyBert.examples(count, seed).forEach(e -> lines.add((e.good() ? "good" : "bad") + ",\"" + e.text() + "\""));
    return Files.write(file, lines);
  }

  /** Special tokens, the bytes, and of each word with the space before it a token for every beginning. */
  private static Path model(Path directory) throws IOException {
    Files.createDirectories(directory);
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    List.of("<s>", "<pad>", "</s>", "<unk>", "<mask>").forEach(token -> vocabulary.put(token, vocabulary.size()));
    for (int b = 0, shifted = 0x100; b < 256; b++) {
      boolean visible = b >= '!' && b <= '~' || b >= 0xA1 && b != 0xAD;
      vocabulary.put(Character.toString(visible ? b : shifted++), vocabulary.size());
    }
    List<String> merges = new ArrayList<>(List.of("#version: 0.2"));
    Stream.of(TinyBert.GOOD, TinyBert.BAD, TinyBert.OTHER).flatMap(List::stream).forEach(word -> {
      for (int i = 0; i < word.length(); i++) {
        String begun = "\u0120" + word.substring(0, i);
        if (vocabulary.putIfAbsent(begun + word.charAt(i), vocabulary.size()) == null) {
          merges.add(begun + " " + word.charAt(i));
        }
      }
    });
    JSON.writeValue(directory.resolve("vocab.json").toFile(), vocabulary);
    Files.write(directory.resolve("merges.txt"), merges);
    Files.writeString(directory.resolve("tokenizer_config.json"), """
        {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": true}
        """);
    Files.writeString(directory.resolve("config.json"), """
        {"model_type": "roberta", "architectures": ["RobertaModel"], "vocab_size": %d, "hidden_size": %d, "num_hidden_layers": %d,
         "num_attention_heads": 2, "intermediate_size": %d, "max_position_embeddings": 26, "type_vocab_size": 1, "hidden_act": "gelu",
         "layer_norm_eps": 1e-5, "pad_token_id": 1, "initializer_range": 0.02}
        """.formatted(vocabulary.size(), TinyBert.WIDTH, TinyBert.LAYERS, TinyBert.INNER));
    TinyBert.weights(directory.resolve("model.safetensors"), vocabulary.size(), 26, 1, false);
    return directory;
  }
}
