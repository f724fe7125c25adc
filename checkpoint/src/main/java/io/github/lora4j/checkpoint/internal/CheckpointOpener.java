package io.github.lora4j.checkpoint.internal;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Finds out which format a path is of. */
public final class CheckpointOpener {

  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";

  private static final String TORCH = "pytorch_model.bin";

  private CheckpointOpener() {}

  /** See {@link Checkpoint#open}. */
  public static Checkpoint open(Path path) {
    if (Files.isDirectory(path)) {
      return openDirectory(path);
    }
    if (!Files.exists(path)) {
      throw new FormatException(path + ": no such file or directory");
    }
    return openFile(path);
  }

  private static Checkpoint openFile(Path file) {
    String name = String.valueOf(file.getFileName());
    if (name.endsWith(".safetensors")) {
      return Safetensors.open(file);
    }
    if (name.endsWith(".safetensors.index.json")) {
      return ShardedSafetensors.open(file);
    }
    if (name.endsWith(".onnx")) {
      return Onnx.open(file);
    }
    if (isTorch(name)) {
      return Torch.open(file);
    }
    if (name.endsWith(".gguf")) {
      throw new FormatException(file
          + ": a GGUF file is a whole model; open it with ModelDirectory.open, or its tensors as they are with GgufFile.open");
    }
    throw new FormatException(file + ": unknown kind of file, expected .safetensors, .safetensors.index.json, .onnx, .bin, .pt or .pth");
  }

  private static Checkpoint openDirectory(Path directory) {
    if (Files.exists(directory.resolve(SINGLE))) {
      return Safetensors.open(directory.resolve(SINGLE));
    }
    if (Files.exists(directory.resolve(INDEX))) {
      return ShardedSafetensors.open(directory.resolve(INDEX));
    }
    List<Path> onnx = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        if (file.getFileName().toString().endsWith(".onnx")) {
          onnx.add(file);
        }
      }
    } catch (IOException e) {
      throw new ResourceException(directory + ": cannot be listed: " + e, e);
    }
    if (onnx.size() == 1) {
      return Onnx.open(onnx.getFirst());
    }
    if (onnx.size() > 1) {
      throw new FormatException(directory + ": holds several .onnx files, name one: " + Names.list(onnx.stream().sorted().toList()));
    }
    if (Files.exists(directory.resolve(TORCH))) {
      return Torch.open(directory.resolve(TORCH));
    }
    if (Files.exists(directory.resolve(TORCH + ".index.json"))) {
      throw new FormatException(directory + ": holds a PyTorch model in several files; convert it to safetensors (in Python: "
          + "AutoModel.from_pretrained(dir).save_pretrained(dir, safe_serialization=True))");
    }
    throw new FormatException(directory + ": holds no model; looked for " + SINGLE + ", " + INDEX + ", *.onnx, " + TORCH);
  }

  private static boolean isTorch(String name) {
    return name.endsWith(".bin") || name.endsWith(".pt") || name.endsWith(".pth");
  }
}
