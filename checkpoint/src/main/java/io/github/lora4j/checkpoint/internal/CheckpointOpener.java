package io.github.lora4j.checkpoint.internal;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.vector.FormatException;
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
    if (isPickle(name)) {
      throw pickle(file);
    }
    throw new FormatException(file + ": unknown kind of file, expected .safetensors, .safetensors.index.json or .onnx");
  }

  private static Checkpoint openDirectory(Path directory) {
    if (Files.exists(directory.resolve(SINGLE))) {
      return Safetensors.open(directory.resolve(SINGLE));
    }
    if (Files.exists(directory.resolve(INDEX))) {
      return ShardedSafetensors.open(directory.resolve(INDEX));
    }
    List<Path> onnx = new ArrayList<>();
    List<Path> pickles = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        String name = file.getFileName().toString();
        if (name.endsWith(".onnx")) {
          onnx.add(file);
        } else if (isPickle(name)) {
          pickles.add(file);
        }
      }
    } catch (IOException e) {
      throw new ResourceException(directory + ": cannot be listed: " + e, e);
    }
    if (onnx.size() == 1) {
      return Onnx.open(onnx.getFirst());
    }
    if (onnx.size() > 1) {
      throw new FormatException(directory + ": holds several .onnx files, name one: " + onnx.stream().sorted().toList());
    }
    if (!pickles.isEmpty()) {
      throw pickle(pickles.getFirst());
    }
    throw new FormatException(directory + ": holds no model; looked for " + SINGLE + ", " + INDEX + ", *.onnx");
  }

  private static boolean isPickle(String name) {
    return name.endsWith(".bin") || name.endsWith(".pt") || name.endsWith(".pth");
  }

  private static FormatException pickle(Path file) {
    return new FormatException(file + ": PyTorch pickle files are not read; convert the model to safetensors"
        + " (in Python: AutoModel.from_pretrained(dir).save_pretrained(dir, safe_serialization=True))");
  }
}
