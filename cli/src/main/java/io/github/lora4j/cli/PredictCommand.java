package io.github.lora4j.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.ResourceException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lora4j predict}. */
@Command(name = "predict", mixinStandardHelpOptions = true, sortOptions = false,
    description = {"Applies the adapter of a run to texts: --text, --file, or a text a line from standard input.",
        "Prints labels with probabilities, values, or vectors; the similarity of two texts with --text-pair for an embedding."})
final class PredictCommand implements Callable<Integer> {

  /** Rows predicted together. */
  private static final int CHUNK = 1024;

  @Spec
  private CommandSpec spec;

  @Parameters(paramLabel = "RUN", description = "The output directory of a finished run.")
  private Path run;

  @Option(names = "--text", paramLabel = "TEXT", description = "A text (repeatable).")
  private List<String> texts = new ArrayList<>();

  @Option(names = "--text-pair", paramLabel = "TEXT", description = "The second text of each --text, for tasks on pairs (repeatable).")
  private List<String> pairs = new ArrayList<>();

  @Option(names = "--file", paramLabel = "FILE", description = "A TSV, CSV or JSONL file with the recipe's columns; no label is needed.")
  private Optional<Path> file;

  @Option(names = "--model", paramLabel = "DIR", description = "Where the base model is, if not where it was.")
  private Optional<Path> model;

  @Mixin
  private BackendOptions computing;

  @Option(names = "--json", description = "Print one JSON object a row.")
  private boolean json;

  @Override
  public Integer call() {
    if (!pairs.isEmpty() && pairs.size() != texts.size()) {
      throw new ConfigException("%d --text but %d --text-pair; each text needs its pair".formatted(texts.size(), pairs.size()));
    }
    if (file.isPresent() && !texts.isEmpty()) {
      throw new ConfigException("give --text or --file, not both");
    }
    try (TrainedModel trained = TrainedModel.open(run, model, false, computing.choice(), computing.threads())) {
      if (file.isPresent()) {
        DataSpec c = trained.recipe().data().columns();
        print(trained, DataFile.read(file.get(), new DataSpec(c.format(), c.text(), c.textPair(), Optional.empty(), 0)));
      } else if (!texts.isEmpty()) {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
          rows.add(row(i + 1, texts.get(i), pairs.isEmpty() ? Optional.empty() : Optional.of(pairs.get(i))));
        }
        print(trained, rows);
      } else {
        lines(trained);
      }
    }
    return 0;
  }

  /** Standard input, line by line where a person types. */
  private void lines(TrainedModel trained) {
    boolean typed = System.console() != null && System.console().isTerminal();
    BufferedReader reader = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    List<Row> rows = new ArrayList<>();
    try {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        rows.add(row(rows.size() + 1, line, Optional.empty()));
        if (typed || rows.size() == CHUNK) {
          print(trained, rows);
          rows.clear();
        }
      }
    } catch (IOException e) {
      throw new ResourceException("standard input cannot be read: " + e.getMessage(), e);
    }
    print(trained, rows);
  }

  private static Row row(int line, String text, Optional<String> pair) {
    return new Row(line, text, pair, List.of());
  }

  private void print(TrainedModel trained, List<Row> rows) {
    PrintWriter out = spec.commandLine().getOut();
    ObjectMapper mapper = new ObjectMapper();
    for (int from = 0; from < rows.size(); from += CHUNK) {
      List<Row> chunk = rows.subList(from, Math.min(rows.size(), from + CHUNK));
      float[][] predicted = trained.predict(chunk);
      int each = predicted.length / chunk.size();
      for (int i = 0; i < chunk.size(); i++) {
        Prediction prediction = Prediction.of(trained, predicted, i * each, each);
        out.println(json ? prediction.json(mapper, chunk.get(i)) : prediction.text() + "\t" + chunk.get(i).text());
      }
    }
    out.flush();
  }
}
