package io.github.lora4j.cli;

import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Text in columns: the first to the left, numbers to the right. Cells may come from files: they are made safe to print. */
final class Table {

  private final List<List<String>> rows = new ArrayList<>();
  private final int[] widths;

  Table(String... header) {
    widths = new int[header.length];
    row(header);
  }

  Table row(String... cells) {
    List<String> row = Stream.of(cells).map(Names::printable).toList();
    for (int i = 0; i < row.size(); i++) {
      widths[i] = Math.max(widths[i], row.get(i).length());
    }
    rows.add(row);
    return this;
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < row.size(); i++) {
        String cell = row.get(i);
        String space = " ".repeat(widths[i] - cell.length());
        line.append(i == 0 ? "" : "  ").append(i == 0 ? cell + space : space + cell);
      }
      text.append(line.toString().stripTrailing()).append(System.lineSeparator());
    }
    return text.toString();
  }
}
