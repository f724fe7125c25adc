package io.github.lora4j.testkit;

import io.github.lora4j.graph.RowAxis;
import java.util.Map;
import java.util.Objects;

/** Live rows of each axis in one run. */
public record Live(Map<RowAxis, Integer> rows) {

  /** Copies the map. */
  public Live {
    rows = Map.copyOf(rows);
  }

  /** Live rows of an axis. */
  public int of(RowAxis axis) {
    return Objects.requireNonNull(rows.get(axis), "rows of every axis are given");
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    rows.entrySet().stream().sorted(Map.Entry.comparingByKey(java.util.Comparator.comparing(RowAxis::name)))
        .forEach(e -> text.append(text.isEmpty() ? "" : ", ").append(e.getKey().name()).append(" ").append(e.getValue())
            .append("/").append(e.getKey().capacity()));
    return text.toString();
  }
}
