package io.github.lora4j.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.generate.text.Completion;
import io.github.lora4j.train.AnsweringRun;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.answers.Question;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.Utf8;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.train.tasks.Prediction;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lora4j predict}. */
@Command(name = "predict", mixinStandardHelpOptions = true, sortOptions = false,
    description = {"Applies the adapter of a run to texts: --text, --file, or a text a line from standard input.",
        "Prints labels with probabilities, values, or vectors; the similarity of two texts with --text-pair for an embedding; answers of a model of "
            + "texts."})
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
    if (AnsweringRun.is(run)) {
      answer();
      return 0;
    }
    try (TrainedModel trained = TrainedModel.open(run, base(), false, computing.choice(), computing.threads())) {
      if (file.isPresent()) {
        print(trained, trained.rows(file.get()));
      } else if (!texts.isEmpty()) {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
          rows.add(new Row(i + 1, texts.get(i), pairs.isEmpty() ? Optional.empty() : Optional.of(pairs.get(i)), List.of()));
        }
        print(trained, rows);
      } else {
        lines(trained);
      }
      trained.cut().ifPresent(note -> spec.commandLine().getErr().println("note: " + note));
    }
    return 0;
  }

  private Path base() {
    return model.orElseGet(() -> RunDirectory.recipe(run).model());
  }

  /** A model of texts answers; texts of standard input are answered together. */
  private void answer() {
    if (!pairs.isEmpty()) {
      throw new ConfigException("--text-pair is for tasks on pairs; the task of %s answers one text".formatted(run));
    }
    try (AnsweringRun answering = AnsweringRun.open(run, base(), false, computing.choice(), computing.threads())) {
      List<Question> questions = file.isPresent() ? answering.questions(file.get()) : answering.questions(Path.of("input"), given());
      if (questions.isEmpty()) {
        return;
      }
      List<Completion> answers = answering.answer(questions, GeneratedAnswers.settings(List.of(), GeneratedAnswers.NEW_TOKENS));
      PrintWriter out = spec.commandLine().getOut();
      for (int i = 0; i < answers.size(); i++) {
        String reason = answers.get(i).reason().name().toLowerCase(Locale.ROOT);
        out.println(json ? new ObjectMapper().createObjectNode().put("text", questions.get(i).text()).put("answer", answers.get(i).text())
            .put("finish_reason", reason) : questions.size() == 1 ? answers.get(i).text()
            : oneLine(answers.get(i).text()) + "\t" + oneLine(questions.get(i).text()));
      }
      out.flush();
    }
  }

  private List<Row> given() {
    List<Row> rows = new ArrayList<>();
    if (texts.isEmpty()) {
      read(rows::add);
    }
    texts.forEach(text -> rows.add(row(rows.size() + 1, text)));
    return rows;
  }

  /** Standard input, line by line where a person types. */
  private void lines(TrainedModel trained) {
    boolean typed = System.console() != null && System.console().isTerminal();
    List<Row> rows = new ArrayList<>();
    read(line -> {
      rows.add(line);
      if (typed || rows.size() == CHUNK) {
        print(trained, rows);
        rows.clear();
      }
    });
    print(trained, rows);
  }

  private static void read(Consumer<Row> lines) {
    Utf8 reader = new Utf8(System.in);
    try {
      for (Optional<String> line = reader.line(); line.isPresent(); line = reader.line()) {
        lines.accept(row(reader.number(), line.get()));
      }
    } catch (CharacterCodingException e) {
      throw new FormatException("standard input, line %d: is not UTF-8 text; convert it first, for example by `iconv -f ENCODING -t UTF-8`"
          .formatted(reader.number()), e);
    } catch (IOException e) {
      throw new ResourceException("standard input cannot be read: " + e.getMessage(), e);
    }
  }

  private static Row row(int line, String text) {
    return new Row(line, text, Optional.empty(), List.of());
  }

  private void print(TrainedModel trained, List<Row> rows) {
    PrintWriter out = spec.commandLine().getOut();
    ObjectMapper mapper = new ObjectMapper();
    for (int from = 0; from < rows.size(); from += CHUNK) {
      List<Row> chunk = rows.subList(from, Math.min(rows.size(), from + CHUNK));
      List<Prediction> predictions = trained.predict(chunk);
      for (int i = 0; i < chunk.size(); i++) {
        out.println(json ? json(mapper, chunk.get(i), predictions.get(i)) : predictions.get(i).text() + "\t" + oneLine(chunk.get(i).text()));
      }
    }
    out.flush();
  }

  private static ObjectNode json(ObjectMapper mapper, Row row, Prediction prediction) {
    ObjectNode node = mapper.createObjectNode().put("text", row.text());
    row.pair().ifPresent(pair -> node.put("text_pair", pair));
    prediction.fields().forEach((name, value) -> node.set(name, mapper.valueToTree(value)));
    return node;
  }

  /** A text as one field of one line: line breaks, tabs and backslashes as \n, \r, \t and \\. */
  private static String oneLine(String text) {
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t");
  }
}
