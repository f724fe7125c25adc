package io.github.lora4j.cli;

import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.DataPreview;
import io.github.lora4j.train.TokenizedRows;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Sequence;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lora4j data}. */
@Command(name = "data", mixinStandardHelpOptions = true, sortOptions = false,
    description = {"Says what a data file becomes: its format, its tokens, and which of them are learnt.",
        "Learnt tokens are green on a terminal, elsewhere they stand in «»."})
final class DataCommand implements Callable<Integer> {

  private static final String LEARNT = "\u001B[32m";
  private static final String READ = "\u001B[2m";
  private static final String END = "\u001B[0m";

  @Spec
  private CommandSpec spec;

  @Parameters(paramLabel = "FILE", description = "A data file, or a recipe (.yaml), whose training data is looked at.")
  private Path file;

  @Option(names = "--model", paramLabel = "DIR", description = "Directory of the model: its tokenizer and chat template.")
  private Optional<Path> model;

  @Option(names = "--task", paramLabel = "NAME", description = "The task; by the format of the rows if not given.")
  private Optional<String> task;

  @Option(names = "--set", paramLabel = "KEY=VALUE",
      description = "Sets any key of the recipe (repeatable): data.max_length, train_on, chat_template.")
  private List<String> set = new ArrayList<>();

  @Option(names = "--show", paramLabel = "N", defaultValue = "3", description = "Print the tokens of so many examples (default ${DEFAULT-VALUE}).")
  private int show;

  @Option(names = "--stats", description = "Print lengths, what is cut and left out, and the share of tokens that are learnt.")
  private boolean stats;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    DataPreview preview = DataPreview.of(recipe().build());
    preview.rows().notes("training", preview.maxLength()).forEach(out::println);
    out.printf("task %s, %,d examples%n", preview.task().name(), preview.rows().data().size());
    boolean colour = System.console() != null && System.console().isTerminal() && System.getenv("NO_COLOR") == null;
    List<Example> examples = preview.rows().data().examples();
    for (int i = 0; i < Math.min(show, examples.size()); i++) {
      print(out, preview.tokenizer(), i + 1, examples.get(i), colour);
    }
    if (stats) {
      stats(out, preview);
    }
    out.flush();
    return 0;
  }

  private RecipeBuilder recipe() {
    RecipeBuilder builder = new RecipeBuilder();
    boolean recipe = file.toString().matches(".*\\.ya?ml");
    if (recipe) {
      builder.read(file);
    } else {
      builder.set("data.train", file.toString()).set("output", "nothing-is-written");
    }
    model.ifPresent(directory -> builder.set("model", directory.toString()));
    Optional<String> format = Optional.empty();
    for (String setting : set) {
      int equals = setting.indexOf('=');
      if (equals < 1) {
        throw new ConfigException("--set %s: expected KEY=VALUE, for example data.max_length=512".formatted(setting));
      }
      builder.set(setting.substring(0, equals), setting.substring(equals + 1));
      if (setting.startsWith("data.format=")) {
        format = Optional.of(setting.substring(equals + 1));
      }
    }
    if (task.isPresent() || !recipe) {
      Optional<String> wanted = format;
      builder.set("task", task.orElseGet(() -> wanted.map(name -> DataPreview.taskFor(file, name)).orElseGet(() -> DataPreview.taskFor(file))));
    }
    return builder;
  }

  private static void print(PrintWriter out, Tokenizer tokenizer, int number, Example example, boolean colour) {
    List<Target.TokenLabels> labels = TokenizedRows.labels(example);
    for (int s = 0; s < example.sequences().size(); s++) {
      Sequence sequence = example.sequences().get(s);
      boolean[] learnt = s < labels.size() ? labels.get(s).counted() : new boolean[sequence.length()];
      int count = 0;
      StringBuilder text = new StringBuilder();
      for (int t = 0; t < sequence.length(); t++) {
        String token = Names.printable(tokenizer.token(sequence.ids()[t]));
        // The first token has nothing before it that could predict it.
        boolean counted = t > 0 && learnt[t];
        count += counted ? 1 : 0;
        text.append(t == 0 ? "" : " ").append(colour ? (counted ? LEARNT : READ) + token + END : counted ? "«" + token + "»" : token);
      }
      out.printf("%nexample %d%s: %,d tokens%s%s%n%s%n", number, example.sequences().size() > 1 ? s == 0 ? ", first" : ", second" : "",
          sequence.length(), labels.isEmpty() ? "" : ", %,d learnt".formatted(count), sequence.cut() ? ", cut" : "", text);
    }
  }

  private static void stats(PrintWriter out, DataPreview preview) {
    TokenizedRows rows = preview.rows();
    int[] lengths = rows.data().sequences().stream().mapToInt(Sequence::length).sorted().toArray();
    Table table = new Table("rows", "%,d".formatted(rows.rows()));
    table.row("left out", "%,d".formatted(rows.dropped())).row("split", "%,d".formatted(rows.split())).row("cut", "%,d".formatted(rows.cut()))
        .row("examples", "%,d".formatted(rows.data().size())).row("tokens", "%,d".formatted(rows.data().tokens()))
        .row("learnt", "%,d".formatted(rows.learnt()))
        .row("learnt, %", "%.1f".formatted(100.0 * rows.learnt() / Math.max(1, rows.data().tokens())))
        .row("length: shortest", "%,d".formatted(lengths[0])).row("mean", "%.1f".formatted(Arrays.stream(lengths).average().orElse(0)))
        .row("median", "%,d".formatted(lengths[lengths.length / 2])).row("95 % within", "%,d".formatted(lengths[(int) (lengths.length * 0.95)]))
        .row("longest", "%,d".formatted(lengths[lengths.length - 1])).row("allowed (data.max_length)", "%,d".formatted(preview.maxLength()));
    out.println();
    out.print(table);
  }
}
