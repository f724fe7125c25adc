package io.github.lora4j.train.recorded;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;

/** A class for each token, as in the recognition of names: logits [tokens, labels]. The loss is cross-entropy of the counted tokens. */
public record TokenClassifier(Model model) implements RecordedTask {

  /** The task on an architecture. */
  public TokenClassifier(Architecture architecture, int labels) {
    this(new Model(architecture, new Head.TokenClassification(labels)));
  }

  @Override
  public String taskType() {
    return "TOKEN_CLS";
  }

  @Override
  public Value judged(Sites sites, PackedInputs in) {
    return model.logits(sites, TokenLabels.rows(sites.graph(), in, model.hidden(sites, in, Rows.ALL)));
  }

  @Override
  public Value loss(Graph graph, PackedInputs in, Value predictions) {
    return TokenLabels.loss(graph, in, predictions);
  }

  @Override
  public void countTargets(Graph graph, PackedInputs in, Value total) {
    TokenLabels.count(graph, in, total);
  }

  @Override
  public Targets targets(PackedInputs in, Program program) {
    return TokenLabels.targets(in, program, 0);
  }
}
