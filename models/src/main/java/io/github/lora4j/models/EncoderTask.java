package io.github.lora4j.models;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A model with a head and a loss: what is recorded for training, evaluation and prediction. Holds no weights. */
public interface EncoderTask {

  /** PEFT's name of the kind of task: "SEQ_CLS", "FEATURE_EXTRACTION". */
  String taskType();

  /** The model family, as {@code model_type} in config.json. */
  String modelType();

  /** All modules under their Hugging Face names, in order. */
  List<ModuleInfo> modules();

  /** The layer over the vocabulary, which PEFT's 'all-linear' leaves out. */
  default Optional<String> outputModule() {
    return Optional.empty();
  }

  /** Parameters that are the same tensor as another: alias to source. */
  default Map<String, String> tied() {
    return Map.of();
  }

  /** The name of a parameter in the model's files; another than its own where layers are replicated. */
  default String stored(String parameter) {
    return parameter;
  }

  /** Standard deviation with which a weight of the head that the checkpoint lacks is drawn. */
  double initializerRange();

  /** Longest sequence the model has positions for. */
  int maxPositions();

  /** The position of a sequence's first token. */
  default int firstPosition() {
    return 0;
  }

  /** Records the forward pass; the result has one row per sequence, or one per token where the model judges tokens. */
  Value predict(Sites sites, PackedInputs in);

  /** Records the forward pass whose rows {@link #loss} judges, where those are not the predictions. */
  default Value judged(Sites sites, PackedInputs in) {
    return predict(sites, in);
  }

  /** Declares the label slots, records the row losses of predictions. */
  Value loss(Graph graph, PackedInputs in, Value predictions);

  /** Makes the host side of the label slots that {@link #loss} declared in this program. */
  Targets targets(PackedInputs in, Program program);

  /** Sequences that make up one example: 2 for pairs that are encoded separately. */
  int sequencesPerExample();

  /** Adds the counted targets of the batch to {@code total}. */
  void countTargets(Graph graph, PackedInputs in, Value total);
}
