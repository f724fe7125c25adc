package io.github.lora4j.lora.files;

import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.StoredCopy;
import io.github.lora4j.lora.internal.Elements;
import io.github.lora4j.lora.internal.Json;
import io.github.lora4j.lora.internal.ModelCard;
import io.github.lora4j.lora.internal.PythonJson;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Memory;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Adapter directories as Hugging Face PEFT writes and reads them: {@code adapter_config.json}, {@code adapter_model.safetensors} and a
 * model card; {@code adapter_model.bin} of older versions is read where it is the only one. Loading is strict: PEFT only warns when
 * tensors are missing and says nothing of superfluous ones, here both are errors.
 */
public final class PeftFormat {

  /** The settings' file. */
  public static final String CONFIG = "adapter_config.json";

  /** The tensors' file. */
  public static final String WEIGHTS = "adapter_model.safetensors";

  /** What the adapter was trained for, as the trainer writes it; PEFT does not read it. */
  public static final String TASK = "task.json";

  /** The chat template that was learnt, where it is not the base model's. */
  public static final String TEMPLATE = "chat_template.jinja";

  private static final String CARD = "README.md";
  private static final String BIN = "adapter_model.bin";

  private PeftFormat() {}

  /** Writes an adapter of which nothing is known beside it; see {@link #save(Path, Adapter, AdapterValues, Map)}. */
  public static void save(Path directory, Adapter adapter, AdapterValues values) {
    save(directory, adapter, values, Map.of());
  }

  /**
   * Writes an adapter, whole or not at all. An adapter that is there already is replaced, but its model card is kept.
   *
   * @param beside other files of such a directory by name, {@link #TASK} and {@link #TEMPLATE}, with what is in them
   * @throws io.github.lora4j.vector.ConfigException when the directory holds something else
   * @throws io.github.lora4j.vector.ResourceException when it cannot be written
   */
  public static void save(Path directory, Adapter adapter, AdapterValues values, Map<String, String> beside) {
    Optional<LoadedAdapter> stored = adapter.stored(values);
    if (stored.isPresent()) {
      try (LoadedAdapter form = stored.get()) {
        save(directory, form.adapter(), form.values(), beside);
        return;
      }
    }
    Map<String, Object> config = adapter.peftConfig();
    AdapterPlace.requireReplaceable(directory, Set.of(CONFIG, WEIGHTS, TASK, TEMPLATE, CARD, BIN));
    AtomicFiles.directory(directory, temporary -> {
      SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
      for (AdapterParameter p : adapter.parameters()) {
        writer.add(new TensorInfo(p.key(), DType.F32, p.shape()), data -> values.copyTo(p.slot(), data));
      }
      for (StoredCopy copy : adapter.storedCopies()) {
        copy.trained(adapter).ifPresent(p ->
            writer.add(new TensorInfo(copy.key(), DType.F32, copy.shape()), data -> copy(copy, p, values, data)));
      }
      writer.write(temporary.resolve(WEIGHTS));
      Files.writeString(temporary.resolve(CONFIG), PythonJson.write(config));
      for (Map.Entry<String, String> file : beside.entrySet()) {
        Files.writeString(temporary.resolve(file.getKey()), file.getValue());
      }
      if (Files.exists(directory.resolve(CARD))) {
        Files.copy(directory.resolve(CARD), temporary.resolve(CARD));
      } else {
        Files.writeString(temporary.resolve(CARD), ModelCard.of(config));
      }
    });
  }

  /**
   * The content of a directory's {@code adapter_config.json}.
   *
   * @throws FormatException when it is no config of PEFT's, with the way to one
   */
  public static Map<String, Object> config(Path directory) {
    Map<String, Object> config = Json.read(directory.resolve(CONFIG));
    if (config.containsKey("fine_tune_type") && config.containsKey("lora_parameters")) {
      throw new FormatException(("%s: an adapter of MLX (fine_tune_type, lora_parameters), not of PEFT. Merge it with 'mlx_lm.fuse' and use the "
          + "fused model, or convert adapters.safetensors: lora_a transposed is lora_A.weight, lora_b transposed lora_B.weight, each behind "
          + "'base_model.model.', and lora_alpha is scale times rank").formatted(directory.resolve(CONFIG)));
    }
    return config;
  }

  /** What {@link #config(Path)} says, or would say of an adapter for a model that is a GGUF file of llama.cpp's. */
  public static Map<String, Object> config(Path adapter, ModelDescription model) {
    return isGguf(adapter) ? GgufLora.config(adapter, model) : config(adapter);
  }

  /** Whether an adapter is a GGUF file of llama.cpp's, not a directory. */
  public static boolean isGguf(Path adapter) {
    return adapter.toString().endsWith(".gguf") && !Files.isDirectory(adapter);
  }

  /**
   * The file that holds a directory's tensors.
   *
   * @throws FormatException when there is none
   */
  public static Path weights(Path directory) {
    Path file = Files.exists(directory.resolve(WEIGHTS)) ? directory.resolve(WEIGHTS) : directory.resolve(BIN);
    if (!Files.isRegularFile(file)) {
      config(directory); // another program's adapter has its own reason
      throw new FormatException(directory.resolve(WEIGHTS) + ": is missing; the directory holds a config but no tensors");
    }
    return file;
  }

  /**
   * Reads an adapter for a model: a directory of PEFT's form, or a GGUF file of llama.cpp's. Tensors in F16 or BF16 become F32.
   *
   * @throws FormatException listing tensors that are missing, unexpected or of another shape, with what that means
   * @throws io.github.lora4j.vector.ConfigException when the config asks for what is not supported or does not fit the model
   */
  public static LoadedAdapter load(Path directory, ModelDescription model) {
    if (isGguf(directory)) {
      return GgufLora.load(directory, model);
    }
    Map<String, Object> config = config(directory);
    if (!(config.get("peft_type") instanceof String type)) {
      throw new FormatException(directory.resolve(CONFIG) + ": peft_type is missing; is this the config of an adapter?");
    }
    Adapter adapter = AdapterMethod.ofPeftType(type).restore(config, model);
    Path file = weights(directory);
    try (Checkpoint tensors = Checkpoint.open(file)) {
      // Before memory is asked for: the file's sizes are bounded by the file, the config's are not.
      Map<String, String> keys = TensorKeys.match(file.toString(), tensors, new TensorKeys.Expected(adapter.parameters(),
          adapter.storedCopies(), tables(model)), config);
      AdapterValues values = new AdapterValues(adapter.parameters());
      try {
        keys.forEach((slot, key) -> tensors.read(key, DType.F32, values.get(slot)));
        compare(file, tensors, adapter, values);
        Optional<LoadedAdapter> runnable = adapter.runnable(values);
        if (runnable.isPresent()) {
          values.close();
        }
        return runnable.orElseGet(() -> new LoadedAdapter(adapter, values));
      } catch (RuntimeException e) {
        values.close();
        throw e;
      }
    }
  }

  /** The weights with an entry for each token. */
  private static Set<String> tables(ModelDescription model) {
    return model.modules().stream().filter(m -> m.kind() == ModuleInfo.Kind.EMBEDDING || model.outputModule().filter(m.name()::equals).isPresent())
        .map(m -> m.name() + ".weight").collect(Collectors.toSet());
  }

  /** The parameter that a copy repeats, as the copy has it. */
  private static void copy(StoredCopy copy, AdapterParameter of, AdapterValues values, MemorySegment target) {
    if (copy.transposed()) {
      AdapterParameter.transpose(values.get(of.slot()), target, of.shape().getFirst(), of.shape().getLast());
    } else {
      values.copyTo(of.slot(), target);
    }
  }

  /** Copies in the file must be what they are copies of; those of base parameters are compared where the base model is at hand. */
  private static void compare(Path file, Checkpoint tensors, Adapter adapter, AdapterValues values) {
    for (StoredCopy copy : adapter.storedCopies()) {
      if (!tensors.names().contains(copy.key())) {
        continue;
      }
      try (Memory memory = new Memory("copies in the adapter's file")) {
        long elements = tensors.info(copy.key()).elements();
        MemorySegment got = memory.allocate(elements * Float.BYTES, copy.key());
        tensors.read(copy.key(), DType.F32, got);
        Optional<AdapterParameter> of = copy.trained(adapter);
        if (of.isEmpty()) {
          values.expectBase(copy.of(), elements, Elements.checksum(got));
          continue;
        }
        MemorySegment wanted = memory.allocate(elements * Float.BYTES, copy.key());
        copy(copy, of.get(), values, wanted);
        if (wanted.mismatch(got) >= 0) {
          throw new FormatException(("%s: %s should be a copy of %s, since their modules share a weight, but differs; they were not "
              + "trained tied").formatted(file, copy.key(), of.get().key()));
        }
      }
    }
  }
}
