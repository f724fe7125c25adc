package io.github.lora4j.cli;

import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What was trained, in options of commands that write it in another form: a run, or an adapter with its base model. */
final class TrainedOptions {

  @Parameters(arity = "0..1", paramLabel = "RUN", description = "The output directory of a finished run; or give --model and --adapter.")
  Optional<Path> run;

  @Option(names = "--model", paramLabel = "DIR", description = "The base model.")
  Optional<Path> model;

  @Option(names = "--adapter", paramLabel = "DIR", description = "An adapter directory of PEFT's form.")
  Optional<Path> adapter;

  /** The base model: of a run the one of its recipe, unless another is given. */
  Path base() {
    return run.isPresent() ? model.orElseGet(() -> RunDirectory.recipe(run.get()).model()) : base("--adapter");
  }

  /** The base model that must be given with an option. */
  Path base(String option) {
    return model.orElseThrow(() -> new ConfigException(option + " needs --model: the base model it was trained on"));
  }
}
