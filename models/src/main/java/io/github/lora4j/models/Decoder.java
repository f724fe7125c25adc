package io.github.lora4j.models;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import java.util.List;
import java.util.Map;

/** A decoder without a head: tokens see themselves and what is before them. Forward only: gradients are derived from the recording. */
public interface Decoder {

  /** The model family, as {@code model_type} in config.json. */
  String modelType();

  /** Entries of the vocabulary. */
  int vocabSize();

  /** Width of the hidden states. */
  int hiddenSize();

  /** Longest sequence the model has positions for. */
  int maxPositions();

  /** Standard deviation of a new head's weights. */
  double initializerRange();

  /** Whether the output layer is the embedding. */
  boolean tied();

  /** The name of the embedding's weight. */
  String embedding();

  /** Parameters that are other ones of the model, as those of replicated layers: alias to source. */
  default Map<String, String> shared() {
    return Map.of();
  }

  /** The name of a parameter in the model's files. */
  default String stored(String parameter) {
    return parameter;
  }

  /** The normed hidden state of every token [tokens, hidden]. */
  Value allRows(Sites sites, PackedInputs in);

  /** The normed hidden state of each sequence's last token [sequences, hidden]. */
  Value lastRows(Sites sites, PackedInputs in);

  /** The modules in Hugging Face's order. */
  List<ModuleInfo> modules();
}
