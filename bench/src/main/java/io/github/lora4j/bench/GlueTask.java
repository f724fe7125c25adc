package io.github.lora4j.bench;

import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;

/** Tasks of GLUE with two classes, as its files have them, and the measure each is judged by. */
enum GlueTask {
  SST2("SST-2", "accuracy", "sentence", Optional.empty(), "label"),
  COLA("CoLA", "matthews", "4", Optional.empty(), "2"),
  RTE("RTE", "accuracy", "sentence1", Optional.of("sentence2"), "label");

  private final String folder;
  private final String metric;
  private final String text;
  private final Optional<String> pair;
  private final String label;

  GlueTask(String folder, String metric, String text, Optional<String> pair, String label) {
    this.folder = folder;
    this.metric = metric;
    this.text = text;
    this.pair = pair;
    this.label = label;
  }

  /** The task of a name as GLUE writes it. */
  static GlueTask named(String name) {
    return Arrays.stream(values()).filter(task -> task.folder.equalsIgnoreCase(name)).findFirst().orElseThrow(() -> new ConfigException(
        "--tasks: no task \"%s\"; there are %s".formatted(name, Arrays.stream(values()).map(GlueTask::folder).toList())));
  }

  String folder() {
    return folder;
  }

  /** The value of its metric. */
  double of(Map<String, Double> metrics) {
    return Objects.requireNonNull(metrics.get(metric), "a metric of classes");
  }

  String metric() {
    return metric;
  }

  String text() {
    return text;
  }

  Optional<String> pair() {
    return pair;
  }

  String label() {
    return label;
  }

  /** The rows of a file, the same random ones each time: CoLA's file is sorted by source. */
  List<Row> rows(Path glue, String file, int limit) {
    List<Row> rows = new java.util.ArrayList<>(DataFile.read(glue.resolve(folder).resolve(file), new DataSpec(Optional.empty(), text, pair,
        Optional.of(label), 0)));
    Collections.shuffle(rows, new Random(7));
    return List.copyOf(limit == 0 || limit >= rows.size() ? rows : rows.subList(0, limit));
  }
}
