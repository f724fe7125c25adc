package io.github.lora4j.cli;

import io.github.lora4j.train.PreparedRun;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code lora4j plan}: what a recipe would train and take, and what each setting would save. */
@Command(name = "plan", mixinStandardHelpOptions = true, sortOptions = false,
    optionListHeading = "%nOptions; those of the recipe have the names of its keys:%n",
    description = "Says what a recipe would train, how much memory it would take, and what each setting would save. Nothing is trained or written.")
final class PlanCommand implements Callable<Integer> {

  @Spec
  private CommandSpec spec;

  @Mixin
  private RecipeArguments arguments = new RecipeArguments();

  @Override
  public Integer call() {
    PreparedRun run = PreparedRun.open(arguments.recipe(spec));
    // As before training.
    System.gc();
    DryRun.print(spec.commandLine().getOut(), run);
    return 0;
  }
}
