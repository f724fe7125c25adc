package io.github.lora4j.train.preference;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.train.recorded.RecordedTask;

/** A decoder that is held against a reference: two answers an example, whose log-probabilities less those of the reference the loss judges. */
interface AnswerTask extends RecordedTask {

  /** Where the reference's log-probabilities come from. */
  Reference reference();

  @Override
  default String taskType() {
    return "CAUSAL_LM";
  }

  @Override
  default int sequencesPerExample() {
    return 2;
  }

  @Override
  default boolean holdsBase() {
    return reference() == Reference.STEP;
  }

  @Override
  default Value judged(Sites sites, PackedInputs in) {
    return AnswerSlots.logRatios(model(), reference(), sites, in);
  }

  @Override
  default void countTargets(Graph graph, PackedInputs in, Value total) {
    graph.countTargets(AnswerSlots.declare(graph.program(), in).counted(), total);
  }
}
