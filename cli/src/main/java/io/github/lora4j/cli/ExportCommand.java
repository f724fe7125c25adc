package io.github.lora4j.cli;

import io.github.lora4j.train.ExportedAdapter;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lora4j export}. */
@Command(name = "export", mixinStandardHelpOptions = true, sortOptions = false,
    description = "Writes an adapter as plain LoRA that computes the same, for servers that know no other kind.")
final class ExportCommand implements Callable<Integer> {

  @Spec
  private CommandSpec spec;

  @Parameters(arity = "0..1", paramLabel = "RUN", description = "The output directory of a finished run; or give --model and --adapter.")
  private Optional<Path> run;

  @Option(names = "--model", paramLabel = "DIR", description = "The base model.")
  private Optional<Path> model;

  @Option(names = "--adapter", paramLabel = "DIR", description = "An adapter directory of PEFT's form.")
  private Optional<Path> adapter;

  @Option(names = "--as", paramLabel = "FORM", defaultValue = "lora", description = "lora is the only form there is.")
  private String form;

  @Option(names = "--output", paramLabel = "DIR", required = true, description = "The directory to be made.")
  private Path output;

  @Override
  public Integer call() {
    if (!form.equals("lora")) {
      throw new ConfigException("--as %s: there is no such form; lora is the one adapters are exported to".formatted(form));
    }
    if (run.isPresent() == adapter.isPresent()) {
      throw new ConfigException("give the directory of a run, or --model and --adapter");
    }
    if (run.isPresent()) {
      ExportedAdapter.ofRun(run.get(), model, output);
    } else {
      ExportedAdapter.ofAdapter(model.orElseThrow(() -> new ConfigException("--adapter needs --model: the base model it was trained on")),
          adapter.get(), output);
    }
    spec.commandLine().getOut().println("plain LoRA: " + output);
    return 0;
  }
}
