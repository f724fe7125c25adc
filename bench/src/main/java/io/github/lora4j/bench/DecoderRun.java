package io.github.lora4j.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * A run of the command and what came of it: a line of the file of results.
 *
 * @param key what was run
 * @param metrics by the names that the command gives them
 */
record DecoderRun(@JsonProperty("key") Key key, @JsonProperty("metrics") Map<String, Double> metrics, @JsonProperty("parameters") long parameters,
    @JsonProperty("seconds") double seconds) {

  /**
   * What was run.
   *
   * @param method of {@link DecoderMethod}; "base" is the model before training
   * @param part which rows it was measured on: search or test
   * @param recipe but for paths, so that a run of another one counts as not done
   */
  record Key(@JsonProperty("task") String task, @JsonProperty("method") String method, @JsonProperty("part") String part,
      @JsonProperty("recipe") String recipe) {}

  private static final ObjectMapper JSON = new ObjectMapper();

  /** A metric. */
  double of(String metric) {
    return Objects.requireNonNull(metrics.get(metric), metric);
  }

  /** The runs of a file; an unfinished last line is not counted. */
  static Map<Key, DecoderRun> read(Path file) {
    Map<Key, DecoderRun> runs = new LinkedHashMap<>();
    try {
      String text = Files.exists(file) ? Files.readString(file) : "";
      String whole = text.substring(0, text.lastIndexOf('\n') + 1);
      for (String line : whole.lines().toList()) {
        DecoderRun run = JSON.readValue(line, DecoderRun.class);
        runs.put(run.key, run);
      }
      if (!whole.equals(text)) {
        Files.writeString(file, whole);
      }
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
    return runs;
  }

  /** Adds this run to a file. */
  void append(Path file) throws IOException {
    Files.writeString(file, JSON.writeValueAsString(this) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }
}
