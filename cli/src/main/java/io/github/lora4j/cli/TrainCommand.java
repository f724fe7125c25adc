package io.github.lora4j.cli;

import io.github.lora4j.train.JsonlListener;
import io.github.lora4j.train.PreparedRun;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.report.HtmlReport;
import io.github.lora4j.train.runs.Resume;
import io.github.lora4j.train.tasks.AnsweringTask;
import io.github.lora4j.vector.ConfigException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
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

  @Mixin
  private RecipeArguments arguments = new RecipeArguments();

  @Option(names = "--resume", description = "Continue the run in the output directory from its newest checkpoint.")
  private boolean resume;

  @Option(names = "--other-kernels", description = "With --resume: go on although another processor or backend computes, with other roundings.")
  private boolean otherKernels;

  @Option(names = "--dry-run", description = "Say what would be trained, its memory and its steps; train nothing.")
  private boolean dryRun;

  @Override
  public Integer call() {
    Recipe made = arguments.recipe(spec);
    PrintWriter out = spec.commandLine().getOut();
    PreparedRun prepared = PreparedRun.open(made);
    // What reading the data has left would stay for the whole run: a collector takes new room rather than clear it.
    System.gc();
    if (dryRun) {
      DryRun.print(out, prepared);
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
        """, Shell.quoted(made.output()), use(made).formatted(Shell.quoted(made.output())));
    out.flush();
    return 0;
  }

  /** The command that uses the model: what it says to a text, or how it goes on with one where only that is known. */
  private static String use(Recipe recipe) {
    return recipe.task().writes() && !(recipe.task() instanceof AnsweringTask) ? "generate --model %s --prompt \"...\"" : "predict %s --text \"...\"";
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
}
