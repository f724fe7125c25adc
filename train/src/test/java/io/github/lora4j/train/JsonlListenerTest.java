package io.github.lora4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The log of a run: one JSON object a line, each step once, also after an interruption. */
class JsonlListenerTest {

  @TempDir
  Path temp;

  private static TrainEvent started(int firstStep) {
    return new TrainEvent.Started("cpu\nbert", 4, firstStep, 100, 12);
  }

  private static TrainEvent step(int step) {
    return new TrainEvent.Step(step, 4, step / 2.0, 0.5, Double.NaN, 1e-4, Map.of(), 10, 2, 0.1);
  }

  private static List<JsonNode> lines(Path file) throws IOException {
    List<JsonNode> nodes = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      nodes.add(new ObjectMapper().readTree(line));
    }
    return nodes;
  }

  private static List<Integer> steps(Path file) throws IOException {
    return lines(file).stream().filter(n -> n.path("event").asText().equals("step")).map(n -> n.path("step").asInt()).toList();
  }

  @Test
  void everyEventIsALine() throws IOException {
    Path file = temp.resolve("metrics.jsonl");
    JsonlListener listener = new JsonlListener(file);
    List<TrainEvent> events = List.of(started(0), step(1), new TrainEvent.Note("a \"note\"\nof two lines"),
        new TrainEvent.Evaluated(1, 0.5, Map.of("accuracy", 0.75), 0.1), new TrainEvent.Saved(1, Path.of("checkpoint-1")),
        new TrainEvent.Finished(1, 2, Path.of("adapter"), Map.of()));
    events.forEach(listener::on);
    List<JsonNode> lines = lines(file);
    assertEquals(List.of("started", "step", "note", "evaluated", "saved", "finished"), lines.stream().map(n -> n.path("event").asText()).toList());
    assertEquals(0.75, lines.get(3).path("metrics").path("accuracy").asDouble());
    assertEquals("a \"note\"\nof two lines", lines.get(2).path("text").asText());
    assertEquals(1e-4, lines.get(1).path("learningRate").asDouble());
    assertTrue(lines.get(4).path("directory").asText().endsWith("checkpoint-1"), lines.get(4).toString());
  }

  @Test
  void aResumedRunDropsWhatItDoesAgain() throws IOException {
    Path file = temp.resolve("metrics.jsonl");
    JsonlListener first = new JsonlListener(file);
    for (TrainEvent event : List.of(started(0), step(1), step(2), step(3))) {
      first.on(event);
    }
    // A crash in the middle of a line.
    Files.writeString(file, "{\"event\":\"step\",\"step\":", StandardOpenOption.APPEND);
    JsonlListener second = new JsonlListener(file);
    for (TrainEvent event : List.of(started(2), step(3), step(4))) {
      second.on(event);
    }
    assertEquals(List.of(1, 2, 3, 4), steps(file));
    assertEquals(2, lines(file).stream().filter(n -> n.path("event").asText().equals("started")).count());
  }

  @Test
  void aLineCutInsideACharacterIsDropped() throws IOException {
    Path file = temp.resolve("metrics.jsonl");
    JsonlListener first = new JsonlListener(file);
    first.on(started(0));
    first.on(step(1));
    Files.write(file, new byte[] {'{', '"', (byte) 0xe2, (byte) 0x80}, StandardOpenOption.APPEND);
    new JsonlListener(file).on(started(1));
    assertEquals(List.of(1), steps(file));
    assertEquals(3, lines(file).size());
  }

  @Test
  void anotherRunBeginsAnew() throws IOException {
    Path file = temp.resolve("metrics.jsonl");
    Files.writeString(file, "{\"event\":\"step\",\"step\":1}\n");
    new JsonlListener(file).on(started(0));
    assertEquals(List.of(), steps(file));
    assertEquals(1, lines(file).size());
  }

  @Test
  void whereItCannotWrite() {
    Path file = temp.resolve("missing").resolve("metrics.jsonl");
    assertTrue(assertThrows(ResourceException.class, () -> new JsonlListener(file).on(step(1))).getMessage().contains(file.toString()));
  }
}
