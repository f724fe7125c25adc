package io.github.lora4j.models.internal;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.blocks.BlockFormats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * A checkpoint that bitsandbytes has quantised, as transformers saves it, with each quantised weight as one tensor: NF4 and FP4 with and without double
 * quantisation, and LLM.int8. What is not quantised is as it is. GPT-2's weights are quantised the other way round, rows for outputs.
 */
public final class BitsAndBytes implements Checkpoint {

  private static final String METHOD = "bitsandbytes";

  private final Checkpoint files;
  private final Map<String, Optional<QuantisedTensor>> tensors = new LinkedHashMap<>();
  private final Set<String> turned;

  private BitsAndBytes(Checkpoint files, Set<String> turned) {
    this.files = files;
    this.turned = turned;
  }

  /**
   * Takes the files over where they are quantised.
   *
   * @param turned modules, by their names, whose weights Hugging Face stores transposed
   * @throws FormatException when config.json names another way of quantising, or a quantised tensor lacks a part
   */
  public static Checkpoint over(Checkpoint files, ModelConfig config, Supplier<Set<String>> turned) {
    Optional<ModelConfig> said = config.object("quantization_config");
    if (said.isEmpty()) {
      return files;
    }
    String method = said.get().text("quant_method", METHOD);
    if (!method.equals(METHOD)) {
      throw said.get().error(("quant_method is \"%s\", which is not supported; bitsandbytes (NF4, FP4, int8) and GGUF files are. Take the model that is not "
          + "quantised and say weights: nf4, or one of those").formatted(method));
    }
    BitsAndBytes of = new BitsAndBytes(files, turned.get());
    Set<String> names = files.names();
    Set<String> parts = new java.util.HashSet<>();
    for (String name : names) {
      Optional<QuantisedTensor> quantised = FourBitTensor.find(files, name).or(() -> Int8Tensor.find(files, name));
      quantised.ifPresent(tensor -> parts.addAll(tensor.parts()));
      of.tensors.put(name, quantised);
    }
    of.tensors.keySet().removeAll(parts);
    of.tensors.keySet().stream().filter(alone()).findFirst().ifPresent(name -> {
      throw new FormatException("%s: %s belongs to a quantised weight that is not there; fetch the model again".formatted(files.describe(), name));
    });
    return of;
  }

  private static Predicate<String> alone() {
    return name -> name.contains(".weight.quant_state.") || name.endsWith(".weight.absmax") || name.endsWith(".weight.quant_map")
        || name.endsWith(".weight.nested_absmax") || name.endsWith(".weight.nested_quant_map") || name.endsWith(".SCB")
        || name.endsWith(".weight_format");
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(tensors.keySet());
  }

  private Optional<QuantisedTensor> quantised(String name) {
    return tensors.getOrDefault(name, Optional.empty());
  }

  @Override
  public TensorInfo info(String name) {
    return quantised(name).map(tensor -> turned(name) ? new TensorInfo(name, tensor.info().dtype(), tensor.info().shape().reversed()) : tensor.info())
        .orElseGet(() -> files.info(name));
  }

  @Override
  public WeightFormat stored(String name) {
    return quantised(name).map(QuantisedTensor::format).orElseGet(() -> files.stored(name));
  }

  @Override
  public boolean turned(String name) {
    return quantised(name).isPresent() && name.endsWith(".weight") && turned.contains(name.substring(0, name.length() - ".weight".length()));
  }

  @Override
  public void read(String name, DType as, MemorySegment target) {
    if (quantised(name).isEmpty()) {
      files.read(name, as, target);
      return;
    }
    if (!turned(name)) {
      read(name, new Elements(as), target);
      return;
    }
    TensorInfo info = info(name);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment rows = arena.allocate(target.byteSize(), 64);
      read(name, new Elements(as), rows);
      Turned.copy(rows, info.shape().getLast(), info.shape().getFirst(), as.bytes(), target);
    }
  }

  @Override
  public void read(String name, WeightFormat as, MemorySegment target) {
    Optional<QuantisedTensor> found = quantised(name);
    if (found.isEmpty()) {
      files.read(name, as, target);
      return;
    }
    QuantisedTensor tensor = found.get();
    int rows = Math.toIntExact(tensor.info().shape().getFirst());
    int cols = Math.toIntExact(tensor.info().shape().getLast());
    long bytes = rows * WeightFormats.rowBytes(as, cols);
    if (target.byteSize() != bytes) {
      throw new ConfigException("%s: tensor %s %s as %s needs a target of %d bytes, got %d".formatted(describe(), name, tensor.info().shape(), as.name(),
          bytes, target.byteSize()));
    }
    if (as.equals(tensor.format())) {
      tensor.assemble(target);
      BlockFormats.requireFinite(as, rows, cols, target, describe() + ": tensor " + name);
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      long rowBytes = WeightFormats.rowBytes(tensor.format(), cols);
      MemorySegment blocks = arena.allocate(rows * rowBytes, 64);
      tensor.assemble(blocks);
      BlockFormats.requireFinite(tensor.format(), rows, cols, blocks, describe() + ": tensor " + name);
      Turned.decoded(tensor.format(), blocks, as, rows, cols, target);
    }
  }

  @Override
  public Map<String, String> metadata() {
    return files.metadata();
  }

  @Override
  public String describe() {
    return files.describe();
  }

  @Override
  public void close() {
    files.close();
  }
}
