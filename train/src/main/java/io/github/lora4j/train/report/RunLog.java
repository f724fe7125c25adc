package io.github.lora4j.train.report;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** The events of a run as its {@code metrics.jsonl} holds them, resumed parts included. */
record RunLog(List<JsonNode> events) {

  private static final ObjectMapper JSON = new ObjectMapper();

  static RunLog read(Path file) {
    List<JsonNode> events = new ArrayList<>();
    int number = 0;
    try {
      List<String> lines = new String(Files.readAllBytes(file), StandardCharsets.UTF_8).lines().toList();
      for (String line : lines) {
        number++;
        events.add(JSON.readTree(line));
      }
      return new RunLog(List.copyOf(events));
    } catch (JacksonException e) {
      // A crash may cut the last line; what is before it is the run.
      return new RunLog(List.copyOf(events));
    } catch (NoSuchFileException e) {
      throw new FormatException("%s does not exist: without it there is nothing to report".formatted(file), e);
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read (line %d): %s".formatted(file, number + 1, e.getMessage()), e);
    }
  }

  /** Events of a kind, in order. */
  List<JsonNode> of(String kind) {
    return events.stream().filter(event -> event.path("event").asText().equals(kind)).toList();
  }

  static double[] column(List<JsonNode> events, ToDoubleFunction<JsonNode> value) {
    return events.stream().mapToDouble(value).toArray();
  }

  static double[] column(List<JsonNode> events, String name) {
    return column(events, event -> number(event.path(name)));
  }

  /** JSON has no infinities: they are written as texts. */
  static double number(JsonNode node) {
    return node.isNumber() ? node.asDouble() : Double.NaN;
  }
}
