package io.github.lora4j.cli;

import io.github.lora4j.train.export.MergedForm;
import io.github.lora4j.train.export.MergedModel;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lora4j merge}. */
@Command(name = "merge", mixinStandardHelpOptions = true, sortOptions = false,
    description = "Writes a model with an adapter merged into its weights, for Hugging Face transformers and others.")
final class MergeCommand implements Callable<Integer> {

  @Spec
  private CommandSpec spec;

  @Mixin
  private TrainedOptions trained;

  @Option(names = "--untie", description = "Write weights that modules share as weights of their own, where the adapter changes only "
      + "one of them: an output layer tied to the embedding, replicated layers.")
  private boolean untie;

  @Option(names = "--to", paramLabel = "FORM", defaultValue = "safetensors", description = "safetensors: a directory that "
      + "transformers loads. gguf: one file for llama.cpp, Ollama and LM Studio. onnx: your ONNX file with merged weights, inputs and outputs as "
      + "before.")
  private String form;

  @Option(names = "--dtype", paramLabel = "TYPE", description = "f32, f16 or bf16 for all weights, with --to gguf q8_0 and other "
      + "formats of blocks, too; as they are if not given.")
  private Optional<String> dtype;

  @Option(names = "--shard-size", paramLabel = "SIZE", defaultValue = "5GB",
      description = "The most bytes of tensors in a file of safetensors, such as 5GB or 500MB.")
  private String shardSize;

  @Option(names = "--touched", paramLabel = "TYPE", defaultValue = "", description = "With --to gguf in a format of blocks: the type of the weights that the adapter "
      + "changes, such as f16, where quantising them would lose too much of it.")
  private String touched;

  @Option(names = "--onnx", paramLabel = "FILE", defaultValue = "", description = "The file for --to onnx, where the model's directory does not hold one .onnx file.")
  private String onnx;

  @Option(names = "--output", paramLabel = "PLACE", required = true, description = "The directory to be made; with --to gguf the file.")
  private Path output;

  @Override
  public Integer call() {
    if (trained.run.isPresent() == trained.adapter.isPresent()) {
      throw new ConfigException("give the directory of a run, or --model and --adapter");
    }
    MergedForm into = form();
    List<String> notes = trained.run.isPresent() ? MergedModel.ofRun(trained.run.get(), trained.base(), into, output)
        : MergedModel.ofAdapter(trained.base(), trained.adapter.orElseThrow(), into, output);
    spec.commandLine().getOut().println("merged model: " + output);
    notes.forEach(spec.commandLine().getErr()::println);
    return 0;
  }

  private MergedForm form() {
    if (!form.equals("onnx") && !onnx.isEmpty()) {
      throw new ConfigException("--onnx goes with --to onnx only");
    }
    if (!form.equals("gguf") && !touched.isEmpty()) {
      throw new ConfigException("--touched goes with --to gguf only");
    }
    return switch (form) {
      case "gguf" -> new MergedForm.Gguf(dtype.map(name -> format("--dtype", name)), given(touched).map(name -> format("--touched", name)), untie);
      case "safetensors" -> new MergedForm.Safetensors(dtype.map(MergeCommand::dtype), ByteSize.of("--shard-size", shardSize), untie);
      case "onnx" -> {
        if (dtype.isPresent() || untie) {
          throw new ConfigException("--to onnx keeps the file's own types and sharing: leave out --dtype and --untie");
        }
        yield new MergedForm.Onnx(given(onnx).map(Path::of));
      }
      default -> throw new ConfigException("--to %s: there is no such form; safetensors, gguf and onnx are".formatted(form));
    };
  }

  private static Optional<String> given(String option) {
    return Optional.of(option).filter(text -> !text.isEmpty());
  }

  private static WeightFormat format(String option, String name) {
    try {
      return WeightFormats.named(name.toLowerCase(Locale.ROOT));
    } catch (ConfigException e) {
      throw new ConfigException("%s %s: %s".formatted(option, name, e.getMessage()), e);
    }
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
