package io.github.lora4j.cli;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufTensor;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lora4j inspect}. */
@Command(name = "inspect", mixinStandardHelpOptions = true,
    description = "Says what is in a run, an adapter, a model or a file of tensors.")
final class InspectCommand implements Callable<Integer> {

  /** Lines of metrics shown of a run. */
  private static final int METRICS = 5;

  @Spec
  private CommandSpec spec;

  @Parameters(paramLabel = "PATH", description = "A directory, a .gguf, a .safetensors or an .onnx file.")
  private Path path;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    if (!Files.exists(path)) {
      throw new FormatException("%s does not exist".formatted(path));
    }
    if (RunDirectory.isRun(path)) {
      run(out);
    } else if (Files.exists(path.resolve(PeftFormat.CONFIG))) {
      AdapterSummary.print(out, path);
    } else {
      tensors(out);
    }
    out.flush();
    return 0;
  }

  private void run(PrintWriter out) {
    Path metrics = path.resolve("metrics.jsonl");
    try {
      out.println("run " + path);
      out.println();
      out.print(Names.printableLines(Files.readString(path.resolve("recipe.yaml"))));
      if (Files.exists(metrics)) {
        List<String> lines = Files.readAllLines(metrics).stream().filter(line -> !line.contains("\"event\":\"note\"")).toList();
        out.println();
        lines.subList(Math.max(0, lines.size() - METRICS), lines.size()).forEach(line -> out.println(Names.printableLines(line)));
      }
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(path, e), e);
    }
    out.println();
    if (Files.isDirectory(path.resolve("adapter"))) {
      AdapterSummary.print(out, path.resolve("adapter"));
    } else {
      out.printf("not finished; continue it with: lora4j train %s --resume%n", Shell.quoted(path));
    }
  }

  private void tensors(PrintWriter out) {
    if (ModelDirectory.isGguf(path)) {
      gguf(out);
      return;
    }
    boolean model = Files.isRegularFile(path.resolve("config.json"));
    try (Checkpoint checkpoint = model ? ModelDirectory.open(path).checkpoint() : Checkpoint.open(path)) {
      Table table = new Table("tensor", "type", "shape", "elements");
      Map<String, Long> elements = new TreeMap<>();
      long bytes = 0;
      for (String name : checkpoint.names()) {
        TensorInfo info = checkpoint.info(name);
        WeightFormat format = info.dtype().isFloat() ? checkpoint.stored(name) : WeightFormat.F32;
        boolean blocks = !(format instanceof Elements);
        String type = blocks ? format.name() : info.dtype().toString();
        table.row(name, type, info.shape().toString(), "%,d".formatted(info.elements()));
        elements.merge(type, info.elements(), Long::sum);
        bytes += blocks ? info.shape().getFirst() * WeightFormats.rowBytes(format, Math.toIntExact(info.shape().getLast())) : info.bytes();
      }
      out.print(table);
      out.printf("%d tensors, %,d bytes; elements by type: %s%n", checkpoint.names().size(), bytes, elements);
      checkpoint.metadata().forEach((key, value) -> out.printf("metadata %s: %s%n", Names.printable(key), Names.printable(value)));
    }
  }

  /** A GGUF file as it is, of whatever it is one. */
  private void gguf(PrintWriter out) {
    try (GgufFile file = GgufFile.open(path)) {
      Table table = new Table("tensor", "type", "shape", "bytes");
      Map<String, Long> bytes = new TreeMap<>();
      for (GgufTensor tensor : file.tensors()) {
        table.row(Names.printable(tensor.name()), tensor.type().toString(), tensor.shape().toString(), "%,d".formatted(tensor.bytes()));
        bytes.merge(tensor.type().toString(), tensor.bytes(), Long::sum);
      }
      out.print(table);
      out.printf("GGUF of version %d, %d tensors, %,d bytes; by type: %s%n", file.version(), file.tensors().size(),
          bytes.values().stream().mapToLong(Long::longValue).sum(), bytes);
      if (file.metadata().optionalText("general.type").filter("adapter"::equals).isPresent()) {
        AdapterSummary.print(out, file);
      }
      file.metadata().shown().forEach((key, value) -> out.printf("%s: %s%n", Names.printable(key), value));
    }
  }
}
