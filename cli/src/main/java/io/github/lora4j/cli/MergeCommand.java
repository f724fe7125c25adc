package io.github.lora4j.cli;

import io.github.lora4j.train.export.MergedModel;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lora4j merge}. */
@Command(name = "merge", mixinStandardHelpOptions = true, sortOptions = false,
    description = "Writes a model with an adapter merged into its weights, for Hugging Face transformers and others.")
final class MergeCommand implements Callable<Integer> {

  @Spec
  private CommandSpec spec;

  @Parameters(arity = "0..1", paramLabel = "RUN", description = "The output directory of a finished run; or give --model and --adapter.")
  private Optional<Path> run;

  @Option(names = "--model", paramLabel = "DIR", description = "The base model.")
  private Optional<Path> model;

  @Option(names = "--adapter", paramLabel = "DIR", description = "An adapter directory of PEFT's form.")
  private Optional<Path> adapter;

  @Option(names = "--untie", description = "Write weights that modules share as weights of their own, where the adapter changes only "
      + "one of them: an output layer tied to the embedding, replicated layers.")
  private boolean untie;

  @Option(names = "--output", paramLabel = "DIR", required = true, description = "The directory to be made.")
  private Path output;

  @Override
  public Integer call() {
    if (run.isPresent() == adapter.isPresent()) {
      throw new ConfigException("give the directory of a run, or --model and --adapter");
    }
    if (run.isPresent()) {
      MergedModel.ofRun(run.get(), model.orElseGet(() -> RunDirectory.recipe(run.get()).model()), untie, output);
    } else {
      MergedModel.ofAdapter(model.orElseThrow(() -> new ConfigException("--adapter needs --model: the base model it was trained on")),
          adapter.get(), untie, output);
    }
    spec.commandLine().getOut().println("merged model: " + output);
    return 0;
  }
}
