package io.github.lora4j.cli;

import io.github.lora4j.train.export.ExportedAdapter;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lora4j export}. */
@Command(name = "export", mixinStandardHelpOptions = true, sortOptions = false,
    description = "Writes an adapter as plain LoRA that computes the same, for servers that know no other kind.")
final class ExportCommand implements Callable<Integer> {

  @Spec
  private CommandSpec spec;

  @Mixin
  private TrainedOptions trained;

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
    if (Stream.of(trained.run, trained.adapter, loralib).filter(Optional::isPresent).count() != 1) {
      throw new ConfigException("give the directory of a run, or --model and --adapter, or --model and --loralib");
    }
    if (gguf) {
      return gguf();
    }
    if (loralib.isPresent()) {
      Path base = trained.base("--loralib");
      double alpha = loraAlpha.orElseThrow(() -> new ConfigException("--loralib needs --lora_alpha: the file does not hold it"));
      ExportedAdapter.ofLoralib(base, loralib.get(), alpha, enableLora, taskType, output);
    } else if (trained.run.isPresent()) {
      ExportedAdapter.ofRun(trained.run.get(), trained.base(), output);
    } else {
      ExportedAdapter.ofAdapter(trained.base(), trained.adapter.orElseThrow(), output);
    }
    spec.commandLine().getOut().println("plain LoRA: " + output);
    return 0;
  }

  private int gguf() {
    if (loralib.isPresent()) {
      throw new ConfigException("--gguf: export the checkpoint of loralib as plain LoRA first, then that with --gguf");
    }
    List<String> notes = trained.run.isPresent() ? ExportedAdapter.gguf(trained.run.get(), trained.base(), output)
        : ExportedAdapter.ggufOfAdapter(trained.base(), trained.adapter.orElseThrow(), output);
    spec.commandLine().getOut().println("GGUF adapter: " + output);
    notes.forEach(spec.commandLine().getErr()::println);
    return 0;
  }
}
