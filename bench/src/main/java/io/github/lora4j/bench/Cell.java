package io.github.lora4j.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One training run and what came of it: a line of the file of results.
 *
 * @param run what was run, with everything that decides the result
 * @param score the task's measure; NaN where training failed, such as at a rate that is too high
 * @param losses of every step, three digits after the point
 */
record Cell(@JsonProperty("run") Run run, @JsonProperty("score") double score, @JsonProperty("parameters") long parameters,
    @JsonProperty("seconds") double seconds, @JsonProperty("rowsPerSecond") double rowsPerSecond, @JsonProperty("losses") double[] losses) {

  /**
   * What was run.
   *
   * @param tuning whether a part of the training rows was held out and measured, not the development file
   */
  record Run(@JsonProperty("model") String model, @JsonProperty("task") String task, @JsonProperty("method") String method,
      @JsonProperty("rate") double rate, @JsonProperty("seed") int seed, @JsonProperty("tuning") boolean tuning,
      @JsonProperty("rows") int rows, @JsonProperty("evalRows") int evalRows, @JsonProperty("epochs") double epochs) {}

  private static final ObjectMapper JSON = new ObjectMapper();

  /** The runs in a file of results; an unfinished last line, left by a process that was ended, is not counted. */
  static Map<Run, Cell> read(Path file) {
    Map<Run, Cell> cells = new LinkedHashMap<>();
    if (!Files.exists(file)) {
      return cells;
    }
    try {
      String text = Files.readString(file);
      String[] lines = text.substring(0, text.lastIndexOf('\n') + 1).split("\n");
      for (int i = 0; i < lines.length; i++) {
        if (!lines[i].isBlank()) {
          try {
            Cell cell = JSON.readValue(lines[i], Cell.class);
            cells.put(cell.run, cell);
          } catch (JsonProcessingException e) {
            throw new FormatException("%s, line %d: not a result: %s".formatted(file, i + 1, e.getOriginalMessage()), e);
          }
        }
      }
      if (!text.isEmpty() && !text.endsWith("\n")) {
        Files.writeString(file, text.substring(0, text.lastIndexOf('\n') + 1));
      }
      return cells;
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }

  /** Adds this run to a file. */
  void append(Path file) {
    try {
      Files.writeString(file, JSON.writeValueAsString(this) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new ResourceException("%s cannot be written: %s".formatted(file, e.getMessage()), e);
    }
  }

  /** Mean loss of the last tenth of the steps. */
  double finalLoss() {
    if (losses.length == 0) {
      return Double.NaN;
    }
    int from = losses.length - Math.max(1, losses.length / 10);
    double sum = 0;
    for (int i = from; i < losses.length; i++) {
      sum += losses[i];
    }
    return sum / (losses.length - from);
  }

  /** Steps until the mean over as many steps as {@link #finalLoss} takes is at most a loss; NaN if it never is. */
  double stepsTo(double loss) {
    int window = Math.max(1, losses.length / 10);
    double sum = 0;
    for (int i = 0; i < losses.length; i++) {
      sum += losses[i] - (i >= window ? losses[i - window] : 0);
      // The running sum rounds.
      if (i >= window - 1 && sum / window <= loss + 1e-9) {
        return i + 1;
      }
    }
    return Double.NaN;
  }
}
