package io.github.lora4j.cli;

import io.github.lora4j.train.export.MergedForm;
import io.github.lora4j.train.export.MergedModel;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import java.nio.file.Path;
import java.util.Locale;
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

  @Option(names = "--to", paramLabel = "FORM", defaultValue = "safetensors", description = "safetensors (a directory of Hugging Face's form).")
  private String form;

  @Option(names = "--dtype", paramLabel = "TYPE", description = "f32, f16 or bf16 for all weights; as they are if not given.")
  private Optional<String> dtype;

  @Option(names = "--shard-size", paramLabel = "SIZE", defaultValue = "5GB",
      description = "The most bytes of tensors in a file of safetensors, such as 5GB or 500MB.")
  private String shardSize;

  @Option(names = "--output", paramLabel = "DIR", required = true, description = "The directory to be made.")
  private Path output;

  @Override
  public Integer call() {
    if (run.isPresent() == adapter.isPresent()) {
      throw new ConfigException("give the directory of a run, or --model and --adapter");
    }
    MergedForm into = form();
    if (run.isPresent()) {
      MergedModel.ofRun(run.get(), model.orElseGet(() -> RunDirectory.recipe(run.get()).model()), into, output);
    } else {
      MergedModel.ofAdapter(model.orElseThrow(() -> new ConfigException("--adapter needs --model: the base model it was trained on")),
          adapter.get(), into, output);
    }
    spec.commandLine().getOut().println("merged model: " + output);
    return 0;
  }

  private MergedForm form() {
    return switch (form) {
      case "safetensors" -> new MergedForm.Safetensors(dtype.map(MergeCommand::dtype), ByteSize.of("--shard-size", shardSize), untie);
      default -> throw new ConfigException("--to %s: there is no such form; safetensors is".formatted(form));
    };
  }

  private static DType dtype(String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "f32", "float32" -> DType.F32;
      case "f16", "float16" -> DType.F16;
      case "bf16", "bfloat16" -> DType.BF16;
      default -> throw new ConfigException("--dtype %s: safetensors are written in f32, f16 or bf16".formatted(name));
    };
  }
}
