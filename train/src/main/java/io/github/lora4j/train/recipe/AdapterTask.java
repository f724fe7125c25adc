package io.github.lora4j.train.recipe;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an adapter was trained for, in {@code task.json} beside its config: what PEFT's files do not say.
 *
 * @param task its name in recipes
 * @param settings the task's own
 * @param labels names of its classes, in the order of its head's rows; empty where it has none
 */
public record AdapterTask(String task, Map<String, Object> settings, List<String> labels) {

  private static final ObjectMapper JSON = new ObjectMapper();

  /** What a run trains for. */
  public static AdapterTask of(Recipe recipe) {
    return new AdapterTask(recipe.task().name(), TaskKeys.values(recipe.task()), recipe.data().labels());
  }

  /** What is written beside an adapter; empty where that is not known. */
  public static Optional<AdapterTask> read(Path adapter) {
    Path file = adapter.resolve(PeftFormat.TASK);
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      JsonNode json = JSON.readTree(Files.readAllBytes(file));
      if (!json.path("task").isTextual()) {
        throw new FormatException("%s: \"task\" must be the name of a task, got %s".formatted(file, json.path("task")));
      }
      List<String> labels = new ArrayList<>();
      json.path("labels").forEach(label -> labels.add(label.asText()));
      Map<String, Object> settings = new LinkedHashMap<>();
      json.path("settings").properties().forEach(e -> settings.put(e.getKey(), JSON.convertValue(e.getValue(), Object.class)));
      return Optional.of(new AdapterTask(json.path("task").textValue(), settings, labels));
    } catch (JacksonException e) {
      throw new FormatException("%s is not valid JSON: %s".formatted(file, e.getOriginalMessage()), e);
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }

  /** The file's content. */
  public String json() {
    ObjectNode node = JSON.createObjectNode().put("task", task);
    node.set("settings", JSON.valueToTree(settings));
    node.set("labels", JSON.valueToTree(labels));
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(node) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The task itself; empty where this installation does not have it. */
  public Optional<TrainingTask> here() {
    return Optional.ofNullable(RecipeKeys.tasks().get(task)).map(known -> TaskKeys.with(known, key -> settings.getOrDefault(key,
        TaskKeys.values(known).get(key))));
  }
}
