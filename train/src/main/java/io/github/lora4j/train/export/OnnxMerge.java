package io.github.lora4j.train.export;

import io.github.lora4j.checkpoint.OnnxModel;
import io.github.lora4j.lora.plain.MergedWeights;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Merged weights on their way into the initialisers of an ONNX model. */
final class OnnxMerge {

  private final OnnxModel model;
  private final MergedWeights merged;
  private final TaskWeights weights;
  private final String prefix;

  /**
   * A merge.
   *
   * @param weights the model's initialisers under the names of {@code merged} without the prefix
   */
  OnnxMerge(OnnxModel model, MergedWeights merged, TaskWeights weights, String prefix) {
    this.model = model;
    this.merged = merged;
    this.weights = weights;
    this.prefix = prefix;
  }

  /** The ONNX file of a model's directory. */
  static Path find(Path directory) {
    List<Path> files;
    try (Stream<Path> all = Files.list(directory)) {
      files = all.filter(file -> file.getFileName().toString().endsWith(".onnx")).sorted().toList();
    } catch (IOException e) {
      throw new ResourceException("%s: cannot be listed: %s".formatted(directory, e.getMessage()), e);
    }
    Path inside = directory.resolve("onnx").resolve("model.onnx");
    if (files.isEmpty() && Files.isRegularFile(inside)) {
      return inside;
    }
    if (files.size() != 1) {
      throw new ConfigException(files.isEmpty()
          ? "%s holds no .onnx file to merge into; name one by --onnx, exported from this model".formatted(directory)
          : "%s holds several .onnx files; name one by --onnx: %s".formatted(directory, Names.list(files)));
    }
    return files.getFirst();
  }

  /** Refuses a model whose weights are quantised: they cannot take a small change. */
  static void refuseQuantised(OnnxModel model, Path file) {
    model.quantised().ifPresent(node -> {
      throw new FormatException(("%s is quantised: it computes with %s. Merge into the model in floating point that it was made from, and quantise the "
          + "result again").formatted(file, node));
    });
  }

  /** The initialisers that change, each by one of its names, with what fills it. */
  Map<String, Consumer<MemorySegment>> changes() {
    Map<String, List<String>> byInitialiser = new LinkedHashMap<>();
    List<String> nowhere = new ArrayList<>();
    for (String name : merged.names()) {
      Optional<String> source = merged.source(name).flatMap(weights::source);
      source.ifPresent(of -> byInitialiser.computeIfAbsent(model.shared(of).iterator().next(), _ -> new ArrayList<>()).add(name));
      if (source.isEmpty() && merged.changed(name)) {
        nowhere.add(name);
      }
    }
    if (!nowhere.isEmpty()) {
      throw new ConfigException(("the adapter changes %s, for which the ONNX model has no initialiser: its graph computes without them. Merge into "
          + "safetensors and export that to ONNX again").formatted(Names.list(nowhere)));
    }
    Map<String, Consumer<MemorySegment>> changes = new LinkedHashMap<>();
    byInitialiser.forEach((initialiser, names) -> {
      if (names.stream().anyMatch(merged::changed)) {
        refuseOthers(initialiser, names);
        changes.put(initialiser, target -> merged.read(names.getFirst(), merged.info(names.getFirst()).dtype(), target));
      }
    });
    return changes;
  }

  /** One initialiser for several modules must be the same for all of them after the merge, too. */
  private void refuseOthers(String initialiser, List<String> names) {
    Set<String> shared = model.shared(initialiser);
    List<String> readers = model.readers(initialiser);
    String module = names.getFirst().substring(prefix.length(), Math.max(prefix.length(), names.getFirst().lastIndexOf('.')));
    boolean elsewhere = names.size() == 1 && readers.size() > 1 && !readers.stream().allMatch(node -> reads(node, module));
    if (shared.size() > names.size() || elsewhere || !same(names)) {
      throw new ConfigException(("the adapter changes %s, whose initialiser in the ONNX model is also read by %s: one tensor cannot hold both. Merge into "
          + "safetensors and export that to ONNX again").formatted(names.getFirst(), Names.list(readers)));
    }
  }

  /** Whether a node belongs to a module, by its name: "/encoder/layer.0/output/dense/Add". */
  private static boolean reads(String node, String module) {
    int path = node.indexOf('/');
    return path >= 0 && (node.substring(path).replace('/', '.') + ".").contains("." + module + ".");
  }

  private boolean same(List<String> names) {
    if (names.size() == 1) {
      return true;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment first = read(arena, names.getFirst());
      return names.stream().skip(1).allMatch(name -> read(arena, name).mismatch(first) < 0);
    }
  }

  private MemorySegment read(Arena arena, String name) {
    MemorySegment values = arena.allocate(Math.max(1, merged.info(name).bytes()), 64).asSlice(0, merged.info(name).bytes());
    merged.read(name, merged.info(name).dtype(), values);
    return values;
  }
}
