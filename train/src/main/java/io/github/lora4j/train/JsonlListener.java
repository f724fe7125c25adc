package io.github.lora4j.train;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Writes every event as one line of JSON: {"event": "step", "step": 10, "loss": …}. A resumed run continues the file; what an
 * interrupted run wrote after its last checkpoint is dropped, so that each step stands in it once.
 */
public final class JsonlListener implements TrainListener {

  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;
  private int evaluatedBefore = -1;

  /** Writes to this file. */
  public JsonlListener(Path file) {
    this.file = file;
  }

  @Override
  public void on(TrainEvent event) {
    try {
      if (event instanceof TrainEvent.Started started) {
        begin(started.firstStep());
      }
      if (event instanceof TrainEvent.Evaluated evaluated && evaluated.step() == evaluatedBefore) {
        return; // A run that was killed between its evaluation and its checkpoint makes it again.
      }
      ObjectNode node = JSON.createObjectNode().put("event", event.getClass().getSimpleName().toLowerCase(Locale.ROOT));
      ObjectNode fields = JSON.valueToTree(event);
      fields.properties().forEach(field -> node.set(field.getKey(), field.getValue()));
      Files.writeString(file, JSON.writeValueAsString(node) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      if (event instanceof TrainEvent.Saved) {
        AtomicFiles.force(file); // Before anyone reads "done".
      }
    } catch (IOException e) {
      throw new ResourceException("%s cannot be written: %s".formatted(file, e.getMessage()), e);
    }
  }

  private void begin(int firstStep) throws IOException {
    if (!Files.exists(file)) {
      return;
    }
    List<String> kept = new ArrayList<>();
    if (firstStep > 0) {
      // Not readAllLines, which refuses a line that a crash has cut inside a character.
      for (String line : new String(Files.readAllBytes(file), StandardCharsets.UTF_8).lines().toList()) {
        Optional<JsonNode> event = event(line);
        if (event.isPresent() && event.get().path("step").asInt(0) <= firstStep) {
          kept.add(line);
          evaluatedBefore = event.get().path("event").asText().equals("evaluated") ? event.get().path("step").asInt() : evaluatedBefore;
        }
      }
    }
    AtomicFiles.text(file, kept.stream().map(line -> line + "\n").collect(Collectors.joining()));
  }

  /** The event of a line; a line that was cut off by a crash has none. */
  private static Optional<JsonNode> event(String line) {
    try {
      return Optional.of(JSON.readTree(line)).filter(JsonNode::isObject);
    } catch (JacksonException e) {
      return Optional.empty();
    }
  }
}
