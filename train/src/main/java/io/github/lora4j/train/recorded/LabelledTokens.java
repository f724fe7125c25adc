package io.github.lora4j.train.recorded;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;

/** A task whose logits of a token are judged by the label of the same token. The loss is cross-entropy of the counted ones. */
interface LabelledTokens extends RecordedTask {

  @Override
  default Value judged(Sites sites, PackedInputs in) {
    return model().logits(sites, TokenLabels.rows(sites.graph(), in, model().hidden(sites, in, Rows.ALL)));
  }

  @Override
  default Value loss(Graph graph, PackedInputs in, Value predictions) {
    return TokenLabels.loss(graph, in, predictions);
  }

  @Override
  default void countTargets(Graph graph, PackedInputs in, Value total) {
    TokenLabels.count(graph, in, total);
  }

  @Override
  default Targets targets(PackedInputs in, Program program) {
    return TokenLabels.targets(in, program, 0);
  }
}
