package io.github.lora4j.cli.bench;

import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.train.report.Chart;
import io.github.lora4j.train.report.Page;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** A benchmark's result as Markdown and as one HTML file. */
final class BenchReport {

  private final BenchResult result;

  BenchReport(BenchResult result) {
    this.result = result;
  }

  /** Columns of a table and its rows. */
  private record Table(String title, List<String> head, List<List<String>> rows) {}

  private List<Table> tables() {
    List<Table> tables = new ArrayList<>();
    List<List<String>> steps = new ArrayList<>();
    List<List<String>> kernels = new ArrayList<>();
    for (Measurement m : result.measurements()) {
      if (m.group().equals("step")) {
        steps.add(List.of(m.name(), String.valueOf(m.batch()), m.backend(), BenchComparison.seconds(m.median()),
            "%.1f %%".formatted(100 * m.spread()),
            "%,.0f".formatted(m.tokensPerSecond()), "%,.1f".formatted(m.gflops()), share(m), "%,d MB".formatted(m.memory() >> 20),
            m.joules().isPresent() ? "%.3f".formatted(m.joules().getAsDouble() / m.tokens() * 1000) : "unknown"));
      } else {
        kernels.add(List.of(m.name(), BenchComparison.seconds(m.median()), "%.1f %%".formatted(100 * m.spread()), m.flops() > 0
            ? "%,.1f".formatted(m.gflops()) : "", m.flops() > 0 ? share(m) : "", m.traffic() > 0
            ? "%,.1f".formatted(m.traffic() / m.median() / 1e9) : ""));
      }
    }
    if (!steps.isEmpty()) {
      tables.add(new Table("Training steps, LoRA r=8 on query and value", List.of("shape", "sequences", "backend", "median", "spread",
          "tokens/s",
          "GFLOP/s", "of best product", "program", "J per 1000 tokens"), steps));
    }
    if (!kernels.isEmpty()) {
      tables.add(new Table("Kernels on the processor", List.of("kernel", "median", "spread", "GFLOP/s", "of best product", "GB/s"),
          kernels));
    }
    return tables;
  }

  /** Of the best product on the processor; of what a GPU could do nothing is known. */
  private String share(Measurement m) {
    return result.peak() == 0 || !m.backend().equals("cpu") ? "" : "%.0f %%".formatted(100 * m.gflops() / result.peak());
  }

  /** From which batch on each other backend is faster than the processor, at all larger ones too, in words. */
  List<String> crossovers() {
    List<String> found = new ArrayList<>();
    List<Measurement> steps = result.measurements().stream().filter(m -> m.group().equals("step")).toList();
    for (String name : steps.stream().map(Measurement::name).distinct().toList()) {
      for (String backend : steps.stream().map(Measurement::backend).filter(b -> !b.equals("cpu")).distinct().toList()) {
        TreeMap<Integer, Double> ratios = new TreeMap<>();
        steps.stream().filter(m -> m.name().equals(name) && m.backend().equals(backend)).forEach(m -> steps.stream()
            .filter(cpu -> cpu.name().equals(name) && cpu.backend().equals("cpu") && cpu.batch() == m.batch())
            .forEach(cpu -> ratios.put(m.batch(), cpu.median() / m.median())));
        if (!ratios.isEmpty()) {
          found.add("%s: %s is %s, at best %.2f times".formatted(name, backend, faster(ratios), Collections.max(ratios.values())));
        }
      }
    }
    return found;
  }

  private static String faster(TreeMap<Integer, Double> ratios) {
    List<Integer> all = ratios.entrySet().stream().filter(e -> e.getValue() > 1).map(Map.Entry::getKey).toList();
    if (all.isEmpty()) {
      return "not faster than cpu at any batch tried";
    }
    Integer last = ratios.entrySet().stream().filter(e -> e.getValue() <= 1).map(Map.Entry::getKey).max(Integer::compare).orElse(0);
    Integer from = ratios.higherKey(last);
    return from == null ? "faster than cpu at %s sequences, but not at %d".formatted(all.stream().map(String::valueOf)
        .collect(Collectors.joining(", ")), last) : "faster than cpu from %d sequences on".formatted(from);
  }

  /** Writes the result and both reports, each whole or as it was before. */
  void write(Path directory) {
    AtomicFiles.createDirectories(directory);
    AtomicFiles.text(directory.resolve("bench.json"), result.json());
    AtomicFiles.text(directory.resolve("bench.md"), markdown());
    AtomicFiles.text(directory.resolve("bench.html"), html());
  }

  String markdown() {
    StringBuilder out = new StringBuilder("# lora4j bench\n\n");
    result.machine().forEach((what, value) -> out.append("- ").append(what).append(": ").append(value).append('\n'));
    result.backends().forEach(backend -> out.append("- backend ").append(backend).append('\n'));
    result.warnings().forEach(warning -> out.append("\n**Warning: ").append(warning).append("**\n"));
    for (Table table : tables()) {
      out.append("\n## ").append(table.title).append("\n\n| ").append(String.join(" | ", table.head)).append(" |\n|---|")
          .append("--:|".repeat(table.head.size() - 1)).append('\n');
      table.rows.forEach(row -> out.append("| ").append(String.join(" | ", row)).append(" |\n"));
    }
    crossovers().forEach(line -> out.append("\n").append(line).append(".\n"));
    out.append('\n').append(explanation()).append('\n');
    return out.toString();
  }

  private static String explanation() {
    return "Medians; spread is half the distance between the quartiles. Backends take turns, step by step. Full-length sequences, random weights. "
        + "\"Of best product\" is the share of the fastest matrix product among the kernels measured in the same run.";
  }

  String html() {
    StringBuilder out = new StringBuilder("<dl>\n");
    result.machine().forEach((what, value) -> out.append("<div><dt>%s</dt><dd>%s</dd></div>\n".formatted(Page.escape(what),
        Page.escape(value))));
    result.backends().forEach(backend -> out.append("<div><dt>backend</dt><dd>").append(Page.escape(backend)).append("</dd></div>\n"));
    out.append("</dl>\n");
    result.warnings().forEach(warning ->
        out.append("<p class=\"note\"><strong>Warning:</strong> ").append(Page.escape(warning)).append("</p>\n"));
    out.append("<main>\n").append(charts());
    for (Table table : tables()) {
      out.append("<figure class=\"wide\"><figcaption>").append(Page.escape(table.title)).append("</figcaption>\n<div class=\"scroll\"><table>\n<tr>");
      table.head.forEach(name -> out.append("<th>").append(Page.escape(name)).append("</th>"));
      out.append("</tr>\n");
      table.rows.forEach(row -> {
        out.append("<tr>");
        row.forEach(cell -> out.append("<td>").append(Page.escape(cell)).append("</td>"));
        out.append("</tr>\n");
      });
      out.append("</table></div></figure>\n");
    }
    out.append("</main>\n");
    crossovers().forEach(line -> out.append("<p>").append(Page.escape(line)).append(".</p>\n"));
    out.append("<p>").append(Page.escape(explanation())).append("</p>\n");
    return Page.of("lora4j bench", out.toString());
  }

  /** Tokens a second over the batch's size, a line for each backend. */
  private String charts() {
    StringBuilder out = new StringBuilder();
    List<Measurement> steps = result.measurements().stream().filter(m -> m.group().equals("step")).toList();
    for (String name : steps.stream().map(Measurement::name).distinct().toList()) {
      Chart chart = new Chart("%s: tokens/s by sequences in a batch".formatted(name), false);
      for (String backend : steps.stream().map(Measurement::backend).distinct().toList()) {
        List<Measurement> line = steps.stream().filter(m -> m.name().equals(name) && m.backend().equals(backend)).toList();
        chart.line(backend, line.stream().mapToDouble(Measurement::batch).toArray(),
            line.stream().mapToDouble(Measurement::tokensPerSecond).toArray());
      }
      out.append(chart.html());
    }
    return out.toString();
  }
}
