package io.github.lora4j.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.train.AnsweringRun;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.train.scores.TextScore;
import io.github.lora4j.vector.ConfigException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
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

  @Option(names = "--generate", description = "Generate answers to the data's questions and compare them with its answers; writes generations.jsonl.")
  private boolean generate;

  @Option(names = "--metrics", split = ",", paramLabel = "NAME",
      description = "With --generate: exact_match, exact_match_squad, f1, bleu (sacreBLEU), bleu_nltk, "
      + "bleu_e2e, rouge (default: ${DEFAULT-VALUE}).", defaultValue = "bleu,rouge,exact_match")
  private List<String> metrics = new ArrayList<>();

  @Option(names = {"--max_new_tokens", "--max-new-tokens"}, paramLabel = "N",
      description = "With --generate: longest answer in tokens (default: 256).")
  private Optional<Integer> newTokens;

  @Option(names = "--limit", paramLabel = "N", description = "With --generate: the first N questions only.")
  private Optional<Integer> limit;

  @Option(names = "--set", paramLabel = "NAME=VALUE",
      description = "With --generate: a setting as of generation_config.json (repeatable); the likeliest "
      + "token is taken each time if none says otherwise.")
  private List<String> set = new ArrayList<>();

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
    List<String> notes = new ArrayList<>();
    Optional<Answers> answers = generate ? Optional.of(answers(file)) : Optional.empty();
    if (!generate && (newTokens.isPresent() || limit.isPresent() || !set.isEmpty())) {
      throw new ConfigException("--max_new_tokens, --limit and --set say how to --generate, which is not given");
    }
    Map<String, Double> ofBase = !base ? Map.of() : answers.isPresent() ? answer(answers.get(), true) : measure(file, true);
    Map<String, Double> adapter = answers.isPresent() ? answer(answers.get(), false) : measure(file, false);
    answers.ifPresent(all -> {
      notes.addAll(all.answers.notes(all.scores));
      notes.add("answers: " + all.answers.write(run));
    });
    if (base) {
      results.put("base", ofBase);
    }
    results.put("adapter", adapter);
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      ObjectNode node = new ObjectMapper().createObjectNode().put("run", run.toString()).put("data", file.toString());
      results.forEach((name, metrics) -> metrics.forEach(node.withObjectProperty(name)::put));
      answers.ifPresent(all -> node.set("definitions", new ObjectMapper().valueToTree(notes)));
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
    notes.forEach(out::println);
    out.flush();
    return 0;
  }

  private Path base() {
    return model.orElseGet(() -> RunDirectory.recipe(run).model());
  }

  /** Questions to be answered, and how the answers are measured. */
  private record Answers(GeneratedAnswers answers, Map<String, Object> settings, List<TextScore> scores) {}

  private Answers answers(Path file) {
    if (limit.isPresent() && limit.get() < 1) {
      throw new ConfigException("--limit must be at least 1, got %d".formatted(limit.get()));
    }
    List<TextScore> scores = GeneratedAnswers.scores(metrics);
    Map<String, Object> settings = GeneratedAnswers.settings(set, newTokens.orElse(GeneratedAnswers.NEW_TOKENS));
    try (AnsweringRun answering = AnsweringRun.open(run, base(), true, computing.choice(), computing.threads())) {
      return new Answers(new GeneratedAnswers(answering.questions(file), limit.orElse(0)), settings, scores);
    }
  }

  private Map<String, Double> answer(Answers all, boolean withoutAdapter) {
    try (AnsweringRun answering = AnsweringRun.open(run, base(), withoutAdapter, computing.choice(), computing.threads())) {
      return all.answers.measure(withoutAdapter ? "base" : "adapter", answering, all.settings, all.scores);
    }
  }

  private Map<String, Double> measure(Path file, boolean withoutAdapter) {
    try (TrainedModel trained = TrainedModel.open(run, base(), withoutAdapter, computing.choice(), computing.threads())) {
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
