package io.github.lora4j.models.gguf;

import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.models.internal.GgufNames;
import io.github.lora4j.models.internal.RowOrder;
import io.github.lora4j.vector.ConfigException;
import java.util.Optional;

/** Where the parameters of a model lie in a GGUF file of it: the other way round of how such a file is read. */
public final class GgufPlaces {

  private final Architecture architecture;
  private final GgufKeys keys;
  private final GgufNames names;

  private GgufPlaces(Architecture architecture, GgufKeys keys) {
    this.architecture = architecture;
    this.keys = keys;
    names = new GgufNames(architecture.facts());
  }

  /**
   * The places of an architecture.
   *
   * @throws ConfigException when llama.cpp does not know the family
   */
  public static GgufPlaces of(Architecture architecture) {
    return find(architecture).orElseThrow(() -> new ConfigException(
        ("model_type \"%s\" has no form in GGUF here: lora4j knows no architecture of llama.cpp that computes it. Merge into safetensors instead, "
            + "which any converter can take further").formatted(architecture.modelType())));
  }

  /** The places of an architecture; empty when llama.cpp does not know the family. */
  public static Optional<GgufPlaces> find(Architecture architecture) {
    return ModelFamily.of(architecture.modelType()).gguf().map(keys -> new GgufPlaces(architecture, keys));
  }

  /** How the family is said in GGUF. */
  public GgufKeys keys() {
    return keys;
  }

  /** "model.layers.3.self_attn.q_proj.weight", or without "model.", to "blk.3.attn_q.weight"; empty for what GGUF has no name for. */
  public Optional<String> tensor(String parameter) {
    return names.tensor(parameter);
  }

  /** Whether the rows of a parameter, or the elements of a bias, are in the same order there. */
  public boolean straight(String parameter) {
    return order(parameter).straight();
  }

  /** The row here that lies there at a place; for a bias the element. */
  public long ours(String parameter, long place) {
    return order(parameter).place(place);
  }

  private RowOrder order(String parameter) {
    return RowOrder.of(parameter.substring(0, parameter.lastIndexOf('.')), architecture, keys);
  }

  /** Whether a weight of a norm is stored plus 1. */
  public boolean shifted(String parameter) {
    return keys.shiftedNorms() && parameter.endsWith("norm.weight");
  }
}
