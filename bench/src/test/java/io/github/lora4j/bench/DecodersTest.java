package io.github.lora4j.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DecodersTest {

  @TempDir
  private Path dir;

  @BeforeEach
  void files() throws IOException {
    Files.writeString(dir.resolve("speech.txt"), "A:\nlong live the king\n\n".repeat(200));
    List<String> lines = new ArrayList<>();
    String[] foods = {"French", "Indian", "English"};
    for (int i = 0; i < 500; i++) {
      for (int text = 0; text < 4; text++) {
        lines.add("name : Inn %d | food : %s||Inn %d serves %s food , text %d .".formatted(i, foods[i % 3], i, foods[i % 3], text));
      }
    }
    Files.write(dir.resolve("e2e.txt"), lines);
    Files.writeString(dir.resolve("alpaca.json"), "[" + String.join(",", IntStream.range(0, 600).mapToObj(
        "{\"instruction\": \"Say %d.\", \"input\": \"\", \"output\": \"%<d\"}"::formatted).toList()) + "]");
  }

  private List<JsonNode> rows(Path file) throws IOException {
    List<JsonNode> rows = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      rows.add(new ObjectMapper().readTree(line));
    }
    return rows;
  }

  @Test
  void noRestaurantIsInTwoParts() throws IOException {
    DecoderData data = new DecoderData(dir.resolve("data"));
    data.write(DecoderTask.E2E, dir.resolve("e2e.txt"));
    Set<String> seen = new HashSet<>();
    for (String part : List.of("test", "search", "train")) {
      Set<String> here = new HashSet<>();
      rows(data.part(DecoderTask.E2E, part)).forEach(row -> here.add(row.get("prompt").asText()));
      here.forEach(prompt -> assertTrue(seen.add(prompt), prompt));
    }
    assertEquals(500, rows(data.part(DecoderTask.E2E, "test")).size());
  }

  @Test
  void aRejectedDescriptionNamesAnotherValue() throws IOException {
    DecoderData data = new DecoderData(dir.resolve("data"));
    data.write(DecoderTask.DPO, dir.resolve("e2e.txt"));
    List<JsonNode> pairs = rows(data.part(DecoderTask.DPO, "train"));
    assertEquals(400, pairs.size());
    for (JsonNode pair : pairs) {
      String[] chosen = pair.get("chosen").asText().split(" ");
      String[] rejected = pair.get("rejected").asText().split(" ");
      assertEquals(chosen.length, rejected.length);
      assertEquals(1, IntStream.range(0, chosen.length).filter(i -> !chosen[i].equals(rejected[i])).count(), pair.toString());
    }
  }

  @Test
  void theTextIsCutOnceIntoItsParts() throws IOException {
    DecoderData data = new DecoderData(dir.resolve("data"));
    data.write(DecoderTask.SHAKESPEARE, dir.resolve("speech.txt"));
    StringBuilder all = new StringBuilder();
    for (String part : List.of("train", "search", "test")) {
      String text = Files.readString(data.part(DecoderTask.SHAKESPEARE, part));
      assertFalse(text.isEmpty());
      all.append(text);
    }
    assertEquals(Files.readString(dir.resolve("speech.txt")), all.toString());
  }

  /** A command that says at once what a run came to; its loss is the learning rate's distance from 0.003, so that one is found. */
  private String command() throws IOException {
    Files.writeString(dir.resolve("command.sh"), """
        echo "$*" >> %1$s/calls
        if [ "$1" = train ]; then
          out=$(sed -n "s/^output: '\\(.*\\)'/\\1/p" "$2")
          rate=$(sed -n 's/^optimizer.learning_rate: //p' "$2")
          loss=$(awk "BEGIN {d = $rate - 0.003; print d < 0 ? -d : d}")
          mkdir -p "$out"
          echo '{"event":"started","trainable":1234}' > "$out/metrics.jsonl"
          echo '{"event":"finished","seconds":2.0,"metrics":{"loss":'$loss',"perplexity":5.5,"reward_accuracy":0.75}}' >> "$out/metrics.jsonl"
        else
          echo '{"adapter":{"bleu":20.0,"bleu_e2e":0.3},"base":{"loss":3.0,"perplexity":20.0,"bleu":1.0}}'
        fi
        """.formatted(dir));
    return "sh " + dir.resolve("command.sh");
  }

  @Test
  void everyRunIsMadeByTheCommandOnce() throws IOException {
    String[] arguments = {"--model", dir.toString(), "--shakespeare", dir.resolve("speech.txt").toString(), "--e2e",
        dir.resolve("e2e.txt").toString(),
        "--alpaca", dir.resolve("alpaca.json").toString(), "--seeds", "2", "--command", command(), "--work", dir.resolve("work").toString(),
        "--results", dir.resolve("results.jsonl").toString(), "--table", dir.resolve("table.md").toString()};
    Files.writeString(dir.resolve("table.md"), "# Decoders\n\n## an old table\n\nof old runs\n");
    Decoders.write(DecoderOptions.parse(arguments));
    String table = Files.readString(dir.resolve("table.md"));
    assertTrue(table.startsWith("# Decoders\n\n## tinyshakespeare\n"), table);
    assertTrue(table.contains("| lora | 1,234 | 0.00300 | 5.5 ± 0.0 |"), table);
    assertTrue(table.contains("| before | | | 20.0 |"), table);
    assertTrue(table.contains("| prefix | 1,234 |"), table);
    List<String> calls = Files.readAllLines(dir.resolve("calls"));
    // Four methods are searched for on the text, three on E2E; all are run with two seeds: on three tasks the
    // four, on E2E the three as well, one on pairs.
    assertEquals(7 * 3 + 2 * (4 + 7 + 4 + 1), calls.stream().filter(call -> call.startsWith("train")).count());
    Decoders.write(DecoderOptions.parse(arguments));
    assertEquals(calls, Files.readAllLines(dir.resolve("calls")), "what is done is not done again");
    assertEquals(table, Files.readString(dir.resolve("table.md")));
  }

  @Test
  void aTaskNeedsItsData() {
    ConfigException e = assertThrows(ConfigException.class, () -> DecoderOptions.parse("--model", ".", "--tasks", "alpaca"));
    assertTrue(e.getMessage().startsWith("no data for a task of [alpaca]"), e.getMessage());
  }
}
