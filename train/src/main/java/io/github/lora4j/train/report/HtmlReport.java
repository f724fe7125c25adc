package io.github.lora4j.train.report;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * A run as one page: {@code report.html}, made from {@code metrics.jsonl} and {@code recipe.yaml} of its directory. It needs nothing from
 * elsewhere, no script and no network, and follows the reader's light or dark setting.
 */
public final class HtmlReport {

  /** The name of the page in the run's directory. */
  public static final String NAME = "report.html";

  private HtmlReport() {}

  /**
   * Writes the page of a run, finished or not.
   *
   * @return the page
   * @throws io.github.lora4j.vector.FormatException if the directory holds no metrics
   */
  public static Path write(Path run) {
    RunLog log = RunLog.read(run.resolve("metrics.jsonl"));
    Path target = run.resolve(NAME);
    try {
      String recipe = Files.exists(run.resolve("recipe.yaml")) ? Files.readString(run.resolve("recipe.yaml")) : "";
      AtomicFiles.text(target, page(String.valueOf(run.toAbsolutePath().getFileName()), log, recipe));
      return target;
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(run.resolve("recipe.yaml"), e.getMessage()), e);
    }
  }

  static String page(String name, RunLog log, String recipe) {
    List<JsonNode> steps = log.of("step");
    List<JsonNode> ranks = log.of("ranks");
    StringBuilder out = new StringBuilder();
    out.append(summary(log));
    out.append("<main>\n");
    double[] x = RunLog.column(steps, "step");
    double[] loss = RunLog.column(steps, "loss");
    out.append(new Chart(ranks.isEmpty() ? "Loss" : "Loss of the task", false).faint("as measured", x, loss).line("smoothed", x,
        smooth(loss)).html());
    if (ranks.stream().anyMatch(event -> event.path("penalty").asDouble() > 0)) {
      out.append(new Chart("Orthogonality", false).line("penalty", RunLog.column(ranks, "step"), RunLog.column(ranks, "penalty")).html());
    }
    out.append(metrics(log.of("evaluated")));
    out.append(rates(steps, x));
    double[] norms = RunLog.column(steps, "gradientNorm");
    out.append(new Chart("Gradient norm", spread(norms) > 30).line("norm", x, norms).html());
    out.append(new Chart("Tokens per second", false).line("tokens", x, speed(steps)).html());
    if (!ranks.isEmpty()) {
      out.append(new Chart("Ranks in all", false).line("kept", RunLog.column(ranks, "step"), RunLog.column(ranks, HtmlReport::total))
          .line("budget", RunLog.column(ranks, "step"), RunLog.column(ranks, "budget")).html());
    }
    out.append("</main>\n");
    if (!ranks.isEmpty()) {
      out.append(heatMap(ranks.getLast()));
    }
    out.append(Samples.html(log.of("sampled")));
    notes(log).forEach(note -> out.append("<p class=\"note\">").append(Page.escape(note)).append("</p>\n"));
    return Page.of(name, out.append(recipe.isEmpty() ? "" : "<details><summary>Recipe</summary><pre>" + Page.escape(recipe)
        + "</pre></details>\n").toString());
  }

  private static String summary(RunLog log) {
    Map<String, String> facts = new LinkedHashMap<>();
    List<JsonNode> started = log.of("started");
    List<JsonNode> steps = log.of("step");
    List<JsonNode> evaluated = log.of("evaluated");
    if (!started.isEmpty()) {
      JsonNode first = started.getFirst();
      facts.put("trained parameters", "%,d".formatted(first.path("trainable").asLong()));
      facts.put("examples", "%,d".formatted(first.path("examples").asLong()));
    }
    if (!steps.isEmpty()) {
      JsonNode last = steps.getLast();
      facts.put("steps", last.path("step").asText() + " of " + last.path("steps").asText());
      facts.put("seconds", "%.0f".formatted(seconds(steps)));
      facts.put("last loss", Chart.label(RunLog.number(last.path("loss"))));
    }
    if (!evaluated.isEmpty()) {
      evaluated.getLast().path("metrics").properties().forEach(metric -> facts.put("eval " + metric.getKey(),
          Chart.label(RunLog.number(metric.getValue()))));
    }
    StringBuilder out = new StringBuilder("<dl>\n");
    facts.forEach((key, value) -> out.append("<div><dt>").append(Page.escape(key)).append("</dt><dd>").append(Page.escape(value))
        .append("</dd></div>\n"));
    out.append("</dl>\n");
    if (!started.isEmpty()) {
      started.getFirst().path("description").asText().lines().forEach(line -> out.append("<p class=\"fact\">").append(Page.escape(line))
          .append("</p>\n"));
    }
    return out.toString();
  }

  /** Seconds count anew after a resumption. */
  private static double seconds(List<JsonNode> steps) {
    double all = 0;
    double last = 0;
    for (JsonNode step : steps) {
      double now = step.path("seconds").asDouble();
      if (now < last) {
        all += last;
      }
      last = now;
    }
    return all + last;
  }

  private static List<String> notes(RunLog log) {
    return log.of("note").stream().map(note -> note.path("text").asText()).distinct().toList();
  }

  private static String metrics(List<JsonNode> evaluated) {
    TreeSet<String> names = new TreeSet<>();
    evaluated.forEach(event -> event.path("metrics").fieldNames().forEachRemaining(names::add));
    Chart shares = new Chart("Evaluation", false);
    boolean any = false;
    for (String name : names) {
      double[] values = RunLog.column(evaluated, event -> RunLog.number(event.path("metrics").path(name)));
      if (!name.equals("loss")) {
        shares.line(name, RunLog.column(evaluated, "step"), values);
        any = true;
      }
    }
    return any ? shares.html() : "";
  }

  private static String rates(List<JsonNode> steps, double[] x) {
    TreeSet<String> groups = new TreeSet<>();
    steps.forEach(step -> step.path("learningRates").fieldNames().forEachRemaining(groups::add));
    if (groups.isEmpty()) {
      return new Chart("Learning rate", false).line("rate", x, RunLog.column(steps, "learningRate")).html();
    }
    double[] all = steps.stream().flatMapToDouble(step -> groups.stream().mapToDouble(group ->
        RunLog.number(step.path("learningRates").path(group))))
        .filter(rate -> rate > 0).toArray();
    // LoRA+ has rates a factor of 16 apart, and more: on a linear axis the lower ones would lie on the ground.
    Chart chart = new Chart("Learning rate of each parameter group", groups.size() > 1 && spread(all) > 30);
    groups.forEach(group -> chart.line(group, x, RunLog.column(steps, step -> RunLog.number(step.path("learningRates").path(group)))));
    return chart.html();
  }

  private static double spread(double[] values) {
    double high = java.util.Arrays.stream(values).filter(v -> v > 0).max().orElse(1);
    return high / java.util.Arrays.stream(values).filter(v -> v > 0).min().orElse(1);
  }

  /** Between two reports; the first report of a process has the compiler's work in it. */
  private static double[] speed(List<JsonNode> steps) {
    double[] speed = new double[steps.size()];
    double tokens = 0;
    double seconds = 0;
    for (int i = 0; i < speed.length; i++) {
      double t = steps.get(i).path("tokens").asDouble();
      double s = steps.get(i).path("seconds").asDouble();
      boolean anew = s < seconds;
      speed[i] = (t - (anew ? 0 : tokens)) / (s - (anew ? 0 : seconds));
      tokens = t;
      seconds = s;
    }
    return speed;
  }

  /** An exponential average that forgets half in a fortieth of the run. */
  static double[] smooth(double[] values) {
    double keep = Math.pow(0.5, 1 / Math.max(1, values.length / 40.0));
    double[] smooth = new double[values.length];
    double sum = 0;
    double weight = 0;
    for (int i = 0; i < values.length; i++) {
      if (!Double.isNaN(values[i])) {
        sum = keep * sum + (1 - keep) * values[i];
        weight = keep * weight + 1 - keep;
      }
      smooth[i] = weight == 0 ? Double.NaN : sum / weight;
    }
    return smooth;
  }

  private static double total(JsonNode ranks) {
    double total = 0;
    for (JsonNode rank : ranks.path("ranks")) {
      total += rank.asDouble();
    }
    return total;
  }

  /** Final ranks, layers across and kinds of modules down, as in figure 3 of the AdaLoRA paper. */
  private static String heatMap(JsonNode last) {
    Map<String, Map<Integer, Integer>> byKind = new LinkedHashMap<>();
    TreeSet<Integer> layers = new TreeSet<>();
    int[] most = {1};
    last.path("ranks").properties().forEach(entry -> {
      java.util.regex.Matcher layer = java.util.regex.Pattern.compile("\\.(\\d+)\\.").matcher(entry.getKey());
      int index = layer.find() ? Integer.parseInt(layer.group(1)) : 0;
      String kind = layer.reset().find() ? entry.getKey().substring(layer.end()) : entry.getKey();
      layers.add(index);
      byKind.computeIfAbsent(kind, k -> new LinkedHashMap<>()).put(index, entry.getValue().asInt());
      most[0] = Math.max(most[0], entry.getValue().asInt());
    });
    StringBuilder out = new StringBuilder(("<figure class=\"heat\"><figcaption>Ranks after step %d</figcaption><div "
        + "class=\"scroll\"><table>\n<tr><th>layer</th>")
        .formatted(last.path("step").asInt()));
    layers.forEach(layer -> out.append("<th scope=\"col\">").append(layer).append("</th>"));
    out.append("</tr>\n");
    byKind.forEach((kind, ranks) -> {
      out.append("<tr><th scope=\"row\">").append(Page.escape(kind)).append("</th>");
      for (int layer : layers) {
        Integer rank = ranks.get(layer);
        out.append(rank == null ? "<td></td>" : "<td style=\"--share:%d%%\">%d</td>".formatted(100 * rank / most[0], rank));
      }
      out.append("</tr>\n");
    });
    return out.append("</table></div></figure>\n").toString();
  }
}
