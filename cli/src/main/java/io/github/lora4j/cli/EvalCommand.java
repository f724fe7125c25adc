package io.github.lora4j.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.vector.ConfigException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lora4j eval}. */
@Command(name = "eval", mixinStandardHelpOptions = true, sortOptions = false,
    description = "Measures the adapter of a run on labelled data.")
final class EvalCommand implements Callable<Integer> {

  @Spec
  private CommandSpec spec;

  @Parameters(paramLabel = "RUN", description = "The output directory of a finished run.")
  private Path run;

  @Option(names = "--data", paramLabel = "FILE", description = "Labelled data with the recipe's columns; default: the recipe's data.eval.")
  private Optional<Path> data;

  @Option(names = "--model", paramLabel = "DIR", description = "Where the base model is, if not where it was.")
  private Optional<Path> model;

  @Option(names = "--base", description = "Measure the base model under the same head, too.")
  private boolean base;

  @Mixin
  private BackendOptions computing;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() {
    Recipe recipe = RunDirectory.recipe(run);
    Path file = data.or(recipe.data()::eval)
        .orElseThrow(() -> new ConfigException("the recipe of %s has no data.eval; give a file with --data".formatted(run)));
    Map<String, Map<String, Double>> results = new LinkedHashMap<>();
    Map<String, Double> ofBase = base ? measure(file, true) : Map.of();
    Map<String, Double> adapter = measure(file, false);
    if (base) {
      results.put("base", ofBase);
    }
    results.put("adapter", adapter);
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      ObjectNode node = new ObjectMapper().createObjectNode().put("run", run.toString()).put("data", file.toString());
      results.forEach((name, metrics) -> metrics.forEach(node.withObjectProperty(name)::put));
      out.println(node);
      return 0;
    }
    Table table = base ? new Table(file.toString(), "base", "adapter") : new Table(file.toString(), "adapter");
    adapter.forEach((metric, value) -> {
      if (base) {
        table.row(metric, number(Objects.requireNonNull(ofBase.get(metric), "both have the same metrics")), number(value));
      } else {
        table.row(metric, number(value));
      }
    });
    out.print(table);
    out.flush();
    return 0;
  }

  private Map<String, Double> measure(Path file, boolean withoutAdapter) {
    try (TrainedModel trained = TrainedModel.open(run, model, withoutAdapter, computing.choice(), computing.threads())) {
      Map<String, Double> metrics = trained.evaluate(file);
      if (!withoutAdapter) {
        trained.cut().ifPresent(note -> spec.commandLine().getErr().println("note: " + note));
      }
      return metrics;
    }
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.4f", value);
  }
}
