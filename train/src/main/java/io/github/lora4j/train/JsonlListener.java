package io.github.lora4j.train;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Writes every event as one line of JSON: {"event": "step", "step": 10, "loss": …}. A resumed run continues the file; what an
 * interrupted run wrote after its last checkpoint is dropped, so that each step stands in it once.
 */
public final class JsonlListener implements TrainListener {

  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;

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
      ObjectNode node = JSON.createObjectNode().put("event", event.getClass().getSimpleName().toLowerCase(Locale.ROOT));
      ObjectNode fields = JSON.valueToTree(event);
      fields.properties().forEach(field -> node.set(field.getKey(), field.getValue()));
      Files.writeString(file, JSON.writeValueAsString(node) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
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
      for (String line : Files.readAllLines(file)) {
        if (stepOf(line) <= firstStep) {
          kept.add(line);
        }
      }
    }
    AtomicFiles.text(file, kept.stream().map(line -> line + "\n").collect(Collectors.joining()));
  }

  /** The step of a line; a line that was cut off by a crash belongs to no kept step. */
  private static int stepOf(String line) {
    try {
      return JSON.readTree(line).path("step").asInt(0);
    } catch (JacksonException e) {
      return Integer.MAX_VALUE;
    }
  }
}
