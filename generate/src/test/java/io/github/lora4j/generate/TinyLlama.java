package io.github.lora4j.generate;

import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;

/** A Llama of random weights in a directory. */
public record TinyLlama(Path directory, Model model) {

  static final int VOCABULARY = 61;
  public static final int CONTEXT = 80;

  static TinyLlama write(Path directory) throws IOException {
    return write(directory, weight -> weight, VOCABULARY);
  }

  /** @param change of each weight */
  static TinyLlama write(Path directory, DoubleUnaryOperator change) throws IOException {
    return write(directory, change, VOCABULARY);
  }

  /** One with so many words. */
  public static TinyLlama write(Path directory, DoubleUnaryOperator change, int vocabulary) throws IOException {
    Files.writeString(directory.resolve("config.json"), """
        {"model_type": "llama", "hidden_size": 32, "intermediate_size": 56, "num_hidden_layers": 3, "num_attention_heads": 4,
         "num_key_value_heads": 2, "vocab_size": %d, "max_position_embeddings": %d, "rms_norm_eps": 1e-5, "tie_word_embeddings": false,
         "bos_token_id": 1, "eos_token_id": 2}
        """.formatted(vocabulary, CONTEXT));
    Model model = Generator.model(ModelDirectory.open(directory).architecture());
    SafetensorsWriter writer = new SafetensorsWriter();
    for (ModuleInfo module : model.modules()) {
      boolean norm = module.name().endsWith("norm");
      boolean table = module.kind() == ModuleInfo.Kind.EMBEDDING;
      if (norm || table || module.kind() == ModuleInfo.Kind.LINEAR) {
        long rows = table ? module.in() : module.out();
        long cols = table ? module.out() : module.in();
        List<Long> shape = norm ? List.of(rows) : List.of(rows, cols);
        Random random = new Random(Graph.siteHash(module.name()));
        float[] values = new float[Math.toIntExact(norm ? rows : rows * cols)];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) change.applyAsDouble(norm ? 1 + 0.1 * random.nextGaussian() : 0.25 * random.nextGaussian());
        }
        writer.add(new TensorInfo(module.name() + ".weight", DType.F32, shape), MemorySegment.ofArray(values));
      }
    }
    writer.write(directory.resolve("model.safetensors"));
    return new TinyLlama(directory, model);
  }

  /** Adapters of random values, named. */
  public AdapterSet adapters(String... names) {
    AdapterSet set = new AdapterSet(Generator.describe(model));
    for (String name : names) {
      add(set, name, false);
    }
    return set;
  }

  /** Adds an adapter, or puts it in the place of one. */
  void add(AdapterSet set, String name, boolean swap) {
    var adapter = new LoraMethod().create(LoraConfig.builder().r(3).targetModules(TargetModules.of("q_proj", "v_proj", "down_proj")).build(),
        Generator.describe(model));
    try (AdapterValues values = new AdapterValues(adapter.parameters())) {
      Random random = new Random(Graph.siteHash(name + swap));
      adapter.parameters().forEach(p -> {
        for (long i = 0; i < p.elements(); i++) {
          values.get(p.slot()).setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (0.4 * random.nextGaussian()));
        }
      });
      if (swap) {
        set.swap(name, adapter, values);
      } else {
        set.add(name, adapter, values);
      }
    }
  }
}
