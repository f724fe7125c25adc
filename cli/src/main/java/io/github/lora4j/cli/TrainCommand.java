package io.github.lora4j.cli;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.train.JsonlListener;
import io.github.lora4j.train.PreparedRun;
import io.github.lora4j.train.TrainingPlan;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.train.report.HtmlReport;
import io.github.lora4j.train.runs.Resume;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.vector.ConfigException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lora4j train}: a recipe, options, or both. */
@Command(name = "train", mixinStandardHelpOptions = true, sortOptions = false,
    optionListHeading = "%nOptions; those of the recipe have the names of its keys:%n",
    description = "Trains an adapter on a data file, as a recipe says.",
    footer = {"", "The adapter's own settings have PEFT's names, for example --adapter.r 8 --adapter.lora_alpha 16",
        "--adapter.target_modules query,value --adapter.lora_dropout 0.1."})
final class TrainCommand implements Callable<Integer> {

  /** Longest wait for the batch at hand and a checkpoint when the process is told to end. */
  private static final int STOP_SECONDS = 120;

  @Spec
  private CommandSpec spec;

  @Parameters(arity = "0..1", paramLabel = "RECIPE",
      description = "A YAML file of settings, or the directory of a run to repeat or resume.")
  private Path recipe;

  @Option(names = "--set", paramLabel = "KEY=VALUE", description = "Sets any key of the recipe (repeatable).")
  private List<String> set = new ArrayList<>();

  @Option(names = "--resume", description = "Continue the run in the output directory from its newest checkpoint.")
  private boolean resume;

  @Option(names = "--other-kernels", description = "With --resume: go on although another processor or backend computes, with other roundings.")
  private boolean otherKernels;

  @Option(names = "--dry-run", description = "Say what would be trained, its memory and its steps; train nothing.")
  private boolean dryRun;

  /** An option for each setting of a recipe, with its default. */
  static void addSettings(CommandSpec spec) {
    RecipeBuilder.settings().forEach((name, value) -> {
      String shown = value.toString().isEmpty() || value.equals(List.of()) ? "" : " (default " + value + ")";
      spec.addOption(OptionSpec.builder("--" + name).type(String.class).paramLabel("VALUE")
          .description(RecipeBuilder.meaning(name) + shown).build());
    });
    spec.usageMessage().customSynopsis("lora4j train [RECIPE] [OPTION...]");
  }

  @Override
  public Integer call() {
    Recipe made = recipe();
    PrintWriter out = spec.commandLine().getOut();
    PreparedRun prepared = PreparedRun.open(made);
    if (dryRun) {
      TrainingPlan plan = TrainingPlan.of(prepared);
      try (Backend backend = Backend.open(made.computing().backend(), made.computing().threads())) {
        DryRun.print(out, prepared, plan, backend);
      }
      return 0;
    }
    ConsoleListener console = new ConsoleListener(out, System.console() != null && System.console().isTerminal());
    JsonlListener metrics = new JsonlListener(made.output().resolve("metrics.jsonl"));
    CountDownLatch told = new CountDownLatch(1);
    try (TrainingRun run = TrainingRun.open(prepared, how(), console, metrics)) {
      train(run, told);
    } catch (CancellationException e) {
      out.printf("%n%s%nreport: %s%ncontinue with: lora4j train %s --resume%n", e.getMessage(), HtmlReport.write(made.output()),
          Shell.quoted(made.output()));
      out.flush();
      told.countDown();
      return 130;
    }
    out.printf("report: %s%n", HtmlReport.write(made.output()));
    out.printf("""
        next:
          lora4j eval %1$s
          lora4j %2$s
          lora4j merge %1$s --output MERGED_MODEL
        """, Shell.quoted(made.output()), (made.task().writes() ? "generate --model %s --prompt \"...\"" : "predict %s --text \"...\"").formatted(
            Shell.quoted(made.output())));
    out.flush();
    return 0;
  }

  private Resume how() {
    if (otherKernels && !resume) {
      throw new ConfigException("--other-kernels says how to --resume, which is not given");
    }
    return !resume ? Resume.NO : otherKernels ? Resume.ON_OTHER_KERNELS : Resume.EXACTLY;
  }

  /** Trains; when the process is told to end, it waits for a checkpoint and {@code told}. */
  private void train(TrainingRun run, CountDownLatch told) {
    PrintWriter err = spec.commandLine().getErr();
    Thread hook = new Thread(() -> {
      err.println("\nstopping, with a checkpoint of the steps that are done");
      err.flush();
      run.stop();
      try {
        told.await(STOP_SECONDS, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    });
    Runtime.getRuntime().addShutdownHook(hook);
    boolean stopped = false;
    try {
      run.train();
    } catch (CancellationException e) {
      stopped = true;
      throw e;
    } finally {
      if (!stopped) {
        told.countDown();
        remove(hook);
      }
    }
  }

  private static void remove(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process began to end after the last step: the hook is running already and about to return.
    }
  }

  private Recipe recipe() {
    if (recipe != null && Files.isDirectory(recipe) && !RunDirectory.isRun(recipe)) {
      throw new ConfigException(("%s is a directory without recipe.yaml: of no run, or of one that ended before it wrote it; there is nothing to "
          + "go on from, so start with the recipe or the options themselves").formatted(recipe));
    }
    RecipeBuilder builder = recipe != null && RunDirectory.isRun(recipe) ? RunDirectory.settings(recipe) : new RecipeBuilder();
    if (recipe != null && !RunDirectory.isRun(recipe)) {
      builder.read(recipe);
    }
    for (String name : RecipeBuilder.settings().keySet()) {
      String value = spec.findOption("--" + name).getValue();
      if (value != null) {
        builder.set(name, value);
      }
    }
    for (String setting : set) {
      int equals = setting.indexOf('=');
      if (equals < 1) {
        throw new ConfigException("--set %s: expected KEY=VALUE, for example optimizer.learning_rate=5e-4".formatted(setting));
      }
      Map.Entry<String, String> entry = Map.entry(setting.substring(0, equals), setting.substring(equals + 1));
      builder.set(entry.getKey(), adapterValue(entry.getKey(), entry.getValue()));
    }
    return builder.build();
  }

  /** On a command line names without brackets are a list; in a recipe a lone text may be PEFT's regular expression. */
  private static String adapterValue(String name, String value) {
    boolean modules = name.equals("adapter.target_modules") || name.equals("adapter.exclude_modules");
    boolean list = name.startsWith("adapter.") && value.matches("[\\w.-]+(,[\\w.-]+)+") || modules && value.matches("[\\w.]+");
    return list ? "[" + value + "]" : value;
  }
}
