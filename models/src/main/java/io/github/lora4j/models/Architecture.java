package io.github.lora4j.models;

import io.github.lora4j.graph.LossOp;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * One config.json as a recording. Holds no weights, and is written forward only: gradients are derived from the recording, and so is the list of
 * modules ({@link Model}).
 */
public interface Architecture {

  /** The file it was read from. */
  ModelConfig config();

  /** What is known of the family beside its recording. */
  FamilyFacts facts();

  /** Rows of the word embedding: ids are below it. By default config.json's {@code vocab_size}. */
  default int vocabSize() {
    return config().size("vocab_size");
  }

  /** Kinds of text that a sequence may hold (sentence A, sentence B), of which types are below; a model that does not read types takes any. */
  default int typeVocabSize() {
    return Integer.MAX_VALUE;
  }

  /** Width of the hidden states. By default config.json's {@code hidden_size}. */
  default int hiddenSize() {
    return config().size("hidden_size");
  }

  /** Longest sequence the model has positions for. By default config.json's {@code max_position_embeddings}. */
  default int maxPositions() {
    return config().size("max_position_embeddings");
  }

  /** The position of a sequence's first token. */
  default int firstPosition() {
    return 0;
  }

  /** Standard deviation of a new head's weights. By default config.json's {@code initializer_range}, 0.02 where it does not say. */
  default double initializerRange() {
    return config().positive("initializer_range", 0.02);
  }

  /** Which rows of the last layer a head reads. */
  Rows rowsOf(Head head);

  /**
   * Records the base model: the last hidden states of the rows wanted, for which alone the last layer is computed.
   *
   * @param sites where names begin inside the base model: "encoder.layer.0…"
   */
  Value hidden(Sites sites, PackedInputs in, Rows rows);

  /**
   * Records a head on hidden states, those of {@link #rowsOf} or any choice of rows.
   *
   * @param sites where names are whole: "bert.pooler.dense", "classifier"
   * @param head one of those that {@link FamilyFacts#classes} names, other than {@link Head.None}
   */
  Value logits(Sites sites, Head head, Value rows);

  /**
   * How hidden states become logits over the vocabulary: {@code logits} of x·weightᵀ, without bias.
   *
   * @param module the layer's name: "lm_head"
   * @param weight its weight: "lm_head.weight", or that of the embedding
   * @param logits scale and soft cap
   */
  record Output(String module, String weight, LossOp.Logits logits) {}

  /**
   * How {@link #logits} makes those of a {@link Head.LanguageModel}, if one linear layer without bias does: then log-probabilities of labels are
   * computed without whole logits.
   */
  default Optional<Output> output() {
    return Optional.empty();
  }

  /**
   * A deeper model whose layers share the weights of these: PEFT's {@code layer_replication} (Kim et al., "SOLAR 10.7B", 2023).
   *
   * @param ranges (first, end) of layers, one range behind the other; none: the model as it is
   * @throws io.github.lora4j.vector.ConfigException when a range is not within the layers
   */
  default Architecture replicated(List<List<Integer>> ranges) {
    return ranges.isEmpty() ? this : ReplicatedLayers.of(this, ranges);
  }

  /** The name that files have for a parameter; another than its own where layers are replicated. */
  default String stored(String parameter) {
    return parameter;
  }

  /** Whether it makes a text from another one: then it reads {@link PackedInputs#source}. */
  default boolean readsSource() {
    return false;
  }

  /**
   * The longest sequence of the first kind, where numbers that depend on a sequence's length ({@link PackedInputs#byLength}) are of two kinds alone:
   * those of sequences up to it, and those of longer ones.
   */
  default OptionalInt lengthBorder() {
    return OptionalInt.empty();
  }

  /** The token that texts made from others begin with, config.json's {@code decoder_start_token_id}; empty where nothing says which it is. */
  default OptionalInt decoderStart() {
    return config().has("decoder_start_token_id") ? OptionalInt.of(config().whole("decoder_start_token_id", 0)) : OptionalInt.empty();
  }

  /** The family, as {@code model_type} in config.json. */
  default String modelType() {
    return config().modelType();
  }
}
