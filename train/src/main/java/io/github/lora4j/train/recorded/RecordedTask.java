package io.github.lora4j.train.recorded;

import io.github.lora4j.generate.Generator;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.PackedInputs;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A model with a head and a loss: what is recorded for training, evaluation and prediction. Holds no weights. */
public interface RecordedTask {

  /** PEFT's name of the kind of task: "SEQ_CLS", "FEATURE_EXTRACTION". */
  String taskType();

  /** What the loss makes of the logits, as problem_type in config.json says it; empty where that has no word for it. */
  default Optional<String> problemType() {
    return Optional.empty();
  }

  /** What is recorded below the loss. */
  Model model();

  /** The model family, as {@code model_type} in config.json. */
  default String modelType() {
    return model().architecture().modelType();
  }

  /** All modules under their Hugging Face names, in order. */
  default List<ModuleInfo> modules() {
    return model().modules();
  }

  /** The layer over the vocabulary, which PEFT's 'all-linear' leaves out. */
  default Optional<String> outputModule() {
    return model().outputModule();
  }

  /** Parameters that are the same tensor as another: alias to source. */
  default Map<String, String> tied() {
    return model().tied();
  }

  /** What an adapter needs to know of the model. */
  default ModelDescription description() {
    return describe(model());
  }

  /** What an adapter needs to know of a model: its modules, and where its family says that adapters go if nothing is said. */
  static ModelDescription describe(Model model) {
    return Generator.describe(model);
  }

  /** Longest sequence the model has positions for. */
  default int maxPositions() {
    return model().architecture().maxPositions();
  }

  /** Records the forward pass; the result has one row per sequence, or one per token where the model judges tokens. */
  default Value predict(Sites sites, PackedInputs in) {
    return model().forward(sites, in);
  }

  /** Records the forward pass whose rows {@link #loss} judges, where those are not the predictions. */
  default Value judged(Sites sites, PackedInputs in) {
    return predict(sites, in);
  }

  /** Declares the label slots, records the row losses of predictions. */
  Value loss(Graph graph, PackedInputs in, Value predictions);

  /** Makes the host side of the label slots that {@link #loss} declared in this program. */
  Targets targets(PackedInputs in, Program program);

  /** Sequences that make up one example: 2 for pairs that are encoded separately. */
  default int sequencesPerExample() {
    return 1;
  }

  /**
   * The program whose judged rows come with the targets, computed once without the adapter before anything is trained; empty where targets come
   * from the data alone.
   */
  default Optional<RecordedTask> beforehand() {
    return Optional.empty();
  }

  /** Whether the program holds the model without its adapter beside the one with it. */
  default boolean holdsBase() {
    return false;
  }

  /** Adds the counted targets of the batch to {@code total}. */
  void countTargets(Graph graph, PackedInputs in, Value total);
}
