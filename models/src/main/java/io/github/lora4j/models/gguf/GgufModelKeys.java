package io.github.lora4j.models.gguf;

import io.github.lora4j.checkpoint.gguf.GgufValue;
import io.github.lora4j.checkpoint.gguf.GgufWriter;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.ModelConfig;
import java.util.Map;

/**
 * The keys of a GGUF file that a config.json becomes: the other way round of how they are read. What no key says is found by {@link GgufCheck} after
 * the file was written, not here.
 */
public final class GgufModelKeys {

  private static final String EPSILON = "attention.layer_norm_rms_epsilon";
  private static final String HEAD = "attention.key_length";

  private final ModelConfig config;
  private final Architecture architecture;
  private final GgufKeys keys;
  private final GgufWriter writer;

  private GgufModelKeys(Architecture architecture, GgufWriter writer) {
    this.config = architecture.config();
    this.architecture = architecture;
    this.keys = GgufPlaces.of(architecture).keys();
    this.writer = writer;
  }

  /**
   * Adds the keys that begin with the architecture's name, and tensors that stand for keys.
   *
   * @param inner width of the feed-forward's middle, which a config.json may leave to its family
   */
  public static void add(Architecture architecture, long inner, GgufWriter writer) {
    new GgufModelKeys(architecture, writer).add(inner);
  }

  private void add(long inner) {
    for (GgufKeys.Field field : keys.fields()) {
      switch (field.kind()) {
        case WHOLE -> whole(field, inner);
        case NUMBER -> number(field);
        case FLAG -> {
          if (config.has(field.name())) {
            key(field.key(), GgufValue.of(config.flag(field.name(), false)));
          }
        }
        case TENSOR -> { }
      }
    }
    key("vocab_size", GgufValue.u32(architecture.vocabSize()));
    Map<String, String> names = architecture.facts().files().gguf();
    if (names.containsValue("token_types")) {
      key("attention.causal", GgufValue.of(false));
      writer.key("tokenizer.ggml.token_type_count", GgufValue.u32(architecture.typeVocabSize()));
    } else if (!names.containsValue("position_embd")) {
      new GgufRopeKeys(config, keys.architecture(), writer).add();
    }
  }

  private void whole(GgufKeys.Field field, long inner) {
    long value = config.has(field.name()) ? config.whole(field.name(), 0) : switch (field.key()) {
      case "feed_forward_length" -> inner;
      case "context_length" -> architecture.maxPositions();
      default -> 0;
    };
    if (value > 0) {
      key(field.key(), GgufValue.u32(value));
      if (field.key().equals(HEAD)) {
        key("attention.value_length", GgufValue.u32(value));
      }
    }
  }

  private void number(GgufKeys.Field field) {
    if (config.has(field.name()) || field.key().equals(EPSILON)) {
      key(field.key(), GgufValue.of((float) config.positive(field.name(), 1e-6)));
    }
  }

  private void key(String name, GgufValue value) {
    writer.key(keys.architecture() + "." + name, value);
  }
}
