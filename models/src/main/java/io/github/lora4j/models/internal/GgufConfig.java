package io.github.lora4j.models.internal;

import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufMetadata;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/** The {@code config.json} of a GGUF file. */
public final class GgufConfig {

  private static final String EMBEDDING = "token_embd.weight";
  private static final String TOKENS = "tokenizer.ggml.tokens";

  /** Keys that change what is computed: one that the family has no field for, with another value than 0, is refused. */
  private static final List<String> CHANGING = List.of("expert_count", "attn_logit_softcapping", "final_logit_softcapping", "attention.scale",
      "logit_scale", "embedding_scale", "residual_scale", "attention.max_alibi_bias", "attention.clamp_kqv", "attention.sliding_window",
      "rope.scaling.yarn_log_multiplier");

  private final GgufFile file;
  private final GgufMetadata of;
  private final GgufKeys keys;

  private GgufConfig(GgufFile file, GgufKeys keys) {
    this.file = file;
    this.of = file.metadata();
    this.keys = keys;
  }

  /**
   * Reads the keys.
   *
   * @throws io.github.lora4j.vector.FormatException when the file is no model, or of an architecture that is not computed here
   */
  public static ModelConfig read(GgufFile file) {
    GgufMetadata metadata = file.metadata();
    String type = metadata.optionalText("general.type").orElse("model");
    if (!type.equals("model")) {
      throw metadata.error(type.equals("adapter") ? ("is a LoRA adapter for a model of architecture %s, not a model: give it as adapter of such a model, "
          + "and the model's own file here").formatted(metadata.optionalText("general.architecture").orElse("unknown"))
          : "is a file of type \"%s\", not a model".formatted(type));
    }
    if (metadata.has("split.count") && metadata.whole("split.count") > 1) {
      throw metadata.error("is one of %d files of a model; join them first: llama-gguf-split --merge FIRST JOINED.gguf"
          .formatted(metadata.whole("split.count")));
    }
    String architecture = metadata.text("general.architecture");
    GgufConfig config = new GgufConfig(file, keys(architecture).orElseThrow(() -> metadata.error(
        "has the architecture \"%s\", which is not supported; supported are: %s".formatted(architecture, String.join(", ", architectures())))));
    return new ModelConfig(ModelConfig.of(config.fields()).json(), metadata.source());
  }

  /** The keys of an architecture. */
  public static Optional<GgufKeys> keys(String architecture) {
    return ModelFamily.all().values().stream().flatMap(family -> family.gguf().stream()).filter(k -> k.architecture().equals(architecture)).findFirst();
  }

  private static TreeSet<String> architectures() {
    TreeSet<String> names = new TreeSet<>();
    ModelFamily.all().values().forEach(family -> family.gguf().ifPresent(k -> names.add(k.architecture())));
    return names;
  }

  private Map<String, Object> fields() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("model_type", keys.modelType());
    for (GgufKeys.Field field : keys.fields()) {
      String key = key(field.key());
      switch (field.kind()) {
        case WHOLE -> {
          if (of.has(key)) {
            config.put(field.name(), whole(key));
          }
        }
        case NUMBER -> {
          if (of.has(key)) {
            config.put(field.name(), decimal(of.number(key)));
          }
        }
        case FLAG -> {
          if (of.has(key)) {
            config.put(field.name(), of.flag(key, false));
          }
        }
        case TENSOR -> config.put(field.name(), file.has(field.key()));
      }
    }
    refuseOthers();
    vocabulary(config);
    config.put("tie_word_embeddings", !file.has("output.weight"));
    if (file.has("token_types.weight")) {
      config.put("type_vocab_size", Math.toIntExact(file.tensor("token_types.weight").shape().getFirst()));
    }
    new GgufRope(file, keys.architecture()).add(config);
    keys.completion().accept(config);
    return config;
  }

  private void refuseOthers() {
    for (String name : CHANGING) {
      String key = key(name);
      if (of.has(key) && keys.fields().stream().noneMatch(field -> field.key().equals(name)) && of.number(key) != 0) {
        throw of.error("%s is %s, which is not supported for the architecture %s".formatted(key, of.value(key), keys.architecture()));
      }
    }
    String length = key("attention.value_length");
    if (of.has(length) && of.has(key("attention.key_length")) && whole(length) != whole(key("attention.key_length"))) {
      throw of.error("values of heads have %d columns and keys %d; only equal ones are supported".formatted(whole(length),
          whole(key("attention.key_length"))));
    }
  }

  private void vocabulary(Map<String, Object> config) {
    int rows = Math.toIntExact(file.tensor(EMBEDDING).shape().getFirst());
    if (of.has(TOKENS) && of.texts(TOKENS).size() != rows) {
      throw of.error("the vocabulary has %d tokens, but %s has %d rows: the tokenizer belongs to another model".formatted(of.texts(TOKENS).size(),
          EMBEDDING, rows));
    }
    config.put("vocab_size", rows);
    for (String name : List.of("bos", "eos")) {
      id(config, name + "_token_id", name + "_token_id");
    }
    id(config, "padding_token_id", "pad_token_id");
  }

  private void id(Map<String, Object> config, String key, String name) {
    String id = "tokenizer.ggml." + key;
    if (of.has(id) && of.whole(id) != 0xFFFF_FFFFL) {
      config.put(name, of.count(id));
    }
  }

  /** A number that may be said for each layer; layers that differ are refused. */
  private int whole(String key) {
    if (!of.array(key)) {
      return of.count(key);
    }
    long[] values = of.wholes(key);
    if (values.length == 0 || Arrays.stream(values).anyMatch(value -> value != values[0]) || values[0] < 0 || values[0] > Integer.MAX_VALUE) {
      throw of.error("key %s differs by layer, which is not supported: %s".formatted(key, Arrays.toString(Arrays.copyOf(values, Math.min(8,
          values.length)))));
    }
    return (int) values[0];
  }

  private String key(String name) {
    return keys.architecture() + "." + name;
  }

  /** Floats as their shortest decimal: 1e-6 in a file of floats was meant to be that. */
  static double decimal(double value) {
    return value == (float) value ? Double.parseDouble(Float.toString((float) value)) : value;
  }
}
