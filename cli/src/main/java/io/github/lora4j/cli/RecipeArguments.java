package io.github.lora4j.cli;

import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** A recipe on the command line: a file, options, or both. */
final class RecipeArguments {

  @Parameters(arity = "0..1", paramLabel = "RECIPE",
      description = "A YAML file of settings, or the directory of a run to repeat or resume.")
  private Path recipe;

  @Option(names = "--set", paramLabel = "KEY=VALUE", description = "Sets any key of the recipe (repeatable).")
  private List<String> set = new ArrayList<>();

  /** An option for each setting of a recipe, with its default. */
  static void addSettings(CommandSpec spec) {
    RecipeBuilder.settings().forEach((name, value) -> {
      String shown = value.toString().isEmpty() || value.equals(List.of()) ? "" : " (default " + value + ")";
      spec.addOption(OptionSpec.builder("--" + name).type(String.class).paramLabel("VALUE")
          .description(RecipeBuilder.meaning(name) + shown).build());
    });
    spec.usageMessage().customSynopsis("lora4j %s [RECIPE] [OPTION...]".formatted(spec.name()));
  }

  /**
   * The recipe that file and options make.
   *
   * @param spec of the command, to which {@link #addSettings} has added
   */
  Recipe recipe(CommandSpec spec) {
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
