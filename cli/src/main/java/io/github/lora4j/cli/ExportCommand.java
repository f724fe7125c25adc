package io.github.lora4j.cli;

import io.github.lora4j.train.export.ExportedAdapter;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
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

  @Option(names = "--loralib", paramLabel = "FILE", description = "A checkpoint of loralib, instead of an adapter directory.")
  private Optional<Path> loralib;

  @Option(names = "--lora_alpha", paramLabel = "ALPHA", description = "What a loralib checkpoint was trained with; it does not say.")
  private Optional<Double> loraAlpha;

  @Option(names = "--enable_lora", paramLabel = "BOOLEAN", split = ",",
      description = "Which parts of loralib's merged modules are adapted: true,false,true for queries and values.")
  private List<Boolean> enableLora = List.of();

  @Option(names = "--task_type", paramLabel = "TYPE", defaultValue = "",
      description = "What head a loralib checkpoint has, where its names leave that open: SEQ_CLS or TOKEN_CLS.")
  private String taskType;

  @Option(names = "--as", paramLabel = "FORM", defaultValue = "lora", description = "lora is the only form there is.")
  private String form;

  @Option(names = "--gguf", description = "Write a GGUF file, which llama.cpp, Ollama and LM Studio load beside the base model.")
  private boolean gguf;

  @Option(names = "--output", paramLabel = "PLACE", required = true, description = "The directory to be made; with --gguf the file.")
  private Path output;

  @Override
  public Integer call() {
    if (!form.equals("lora")) {
      throw new ConfigException("--as %s: there is no such form; lora is the one adapters are exported to".formatted(form));
    }
    if (Stream.of(run, adapter, loralib).filter(Optional::isPresent).count() != 1) {
      throw new ConfigException("give the directory of a run, or --model and --adapter, or --model and --loralib");
    }
    if (gguf) {
      return gguf();
    }
    if (loralib.isPresent()) {
      ExportedAdapter.ofLoralib(model.orElseThrow(() -> new ConfigException("--loralib needs --model: the base model it was trained on")),
          loralib.get(), loraAlpha.orElseThrow(() -> new ConfigException("--loralib needs --lora_alpha: the file does not hold it")), enableLora,
          taskType, output);
    } else if (run.isPresent()) {
      ExportedAdapter.ofRun(run.get(), model.orElseGet(() -> RunDirectory.recipe(run.get()).model()), output);
    } else {
      ExportedAdapter.ofAdapter(model.orElseThrow(() -> new ConfigException("--adapter needs --model: the base model it was trained on")),
          adapter.get(), output);
    }
    spec.commandLine().getOut().println("plain LoRA: " + output);
    return 0;
  }

  private int gguf() {
    if (loralib.isPresent()) {
      throw new ConfigException("--gguf: export the checkpoint of loralib as plain LoRA first, then that with --gguf");
    }
    List<String> notes = run.isPresent()
        ? ExportedAdapter.gguf(run.get(), model.orElseGet(() -> RunDirectory.recipe(run.get()).model()), output)
        : ExportedAdapter.ggufOfAdapter(model.orElseThrow(() -> new ConfigException("--adapter needs --model: the base model it was trained on")),
            adapter.orElseThrow(), output);
    spec.commandLine().getOut().println("GGUF adapter: " + output);
    notes.forEach(spec.commandLine().getErr()::println);
    return 0;
  }
}
