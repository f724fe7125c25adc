package io.github.lora4j.models;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * How a family is said in GGUF beside the names of its modules ({@link FamilyFacts.FileNames#gguf}): which keys the fields of config.json become, and
 * what llama.cpp's converter does to the weights. For reading and for writing.
 *
 * @param architecture {@code general.architecture}, with which the keys begin: "llama"
 * @param modelType the {@code model_type} that such a file is read as
 * @param fields of config.json by key
 * @param shiftedNorms whether weights of norms are stored plus 1
 * @param byHead modules, by the ends of their names, whose queries, keys and values lie head by head here and one behind another there
 * @param completion adds to config.json's fields what no key says
 */
public record GgufKeys(String architecture, String modelType, List<Field> fields, boolean shiftedNorms, List<String> byHead,
    Consumer<Map<String, Object>> completion) {

  /** What a field is. */
  public enum Kind {
    /** A whole number. */
    WHOLE,
    /** A number. */
    NUMBER,
    /** True or false. */
    FLAG,
    /** True where there is a tensor of the key's name, and said by no key. */
    TENSOR
  }

  /**
   * A field.
   *
   * @param key without the architecture: "attention.head_count"; the name of a tensor where the kind says so
   * @param name in config.json: "num_attention_heads"
   */
  public record Field(String key, String name, Kind kind) {}

  /** The keys of decoders whose config.json is written as Llama's is. */
  private static final List<Field> DECODER = List.of(whole("context_length", "max_position_embeddings"), whole("embedding_length", "hidden_size"),
      whole("block_count", "num_hidden_layers"), whole("feed_forward_length", "intermediate_size"), whole("attention.head_count", "num_attention_heads"),
      whole("attention.head_count_kv", "num_key_value_heads"), whole("attention.key_length", "head_dim"));

  /** Copies the lists. */
  public GgufKeys {
    fields = List.copyOf(fields);
    byHead = List.copyOf(byHead);
  }

  /** Those of a decoder written as Llama is, with root-mean-square norms, and more. */
  public static GgufKeys decoder(String architecture, String modelType, Field... more) {
    List<Field> fields = new ArrayList<>(DECODER);
    fields.add(number("attention.layer_norm_rms_epsilon", "rms_norm_eps"));
    fields.addAll(List.of(more));
    return new GgufKeys(architecture, modelType, fields, false, List.of(), _ -> { });
  }

  /** Those of a decoder written as Llama is, with layer norms whose epsilon has a name of its own, and more. */
  public static GgufKeys layerNormed(String architecture, String modelType, String epsilon, Field... more) {
    List<Field> fields = new ArrayList<>(DECODER);
    fields.add(number("attention.layer_norm_epsilon", epsilon));
    fields.addAll(List.of(more));
    return new GgufKeys(architecture, modelType, fields, false, List.of(), _ -> { });
  }

  /** The same for a model whose norms are stored plus 1. */
  public GgufKeys withShiftedNorms() {
    return new GgufKeys(architecture, modelType, fields, true, byHead, completion);
  }

  /** The same with what no key says. */
  public GgufKeys completedBy(Consumer<Map<String, Object>> adding) {
    return new GgufKeys(architecture, modelType, fields, shiftedNorms, byHead, adding);
  }

  /** A whole number. */
  public static Field whole(String key, String name) {
    return new Field(key, name, Kind.WHOLE);
  }

  /** A number. */
  public static Field number(String key, String name) {
    return new Field(key, name, Kind.NUMBER);
  }

  /** True where there is a tensor. */
  public static Field tensor(String tensor, String name) {
    return new Field(tensor, name, Kind.TENSOR);
  }
}
