package io.github.lora4j.train.recorded;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.LossOp;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.vector.ConfigException;
import java.util.List;

/**
 * A model that makes a text from a source. The loss is cross-entropy over the vocabulary; a prediction is the distribution behind the last
 * token of what is made so far.
 *
 * <p>An example's tokens are its target behind the model's start token, without the last one; its labels, one for each of those tokens, are the
 * target.
 */
public record SequenceToSequence(Model model) implements RecordedTask {

  /** Checks that the model reads a source. */
  public SequenceToSequence {
    if (!model.architecture().readsSource()) {
      throw new ConfigException("model_type \"%s\" reads no source that a text could be made from".formatted(model.architecture().modelType()));
    }
  }

  /** The task on an architecture. */
  public SequenceToSequence(Architecture architecture) {
    this(new Model(architecture, new Head.LanguageModel()));
  }

  @Override
  public String taskType() {
    return "SEQ_2_SEQ_LM";
  }

  /** Of each labelled token (its log-probability, the likeliest token in its place). */
  @Override
  public Value judged(Sites sites, PackedInputs in) {
    Graph graph = sites.graph();
    LossOp.Labelled tokens = model.labelled(sites, TokenLabels.rows(graph, in, model.hidden(sites, in, Rows.ALL)), TokenLabels.labels(graph, in));
    return graph.region("loss", () -> graph.join(List.of(tokens.logProbability(), tokens.likeliest())));
  }

  @Override
  public Value loss(Graph graph, PackedInputs in, Value judged) {
    return graph.region("loss", () -> graph.multiply(graph.scale(graph.split(judged, 2).getFirst(), -1), TokenLabels.weights(graph, in)));
  }

  @Override
  public void countTargets(Graph graph, PackedInputs in, Value total) {
    graph.addSum(TokenLabels.weights(graph, in), total);
  }

  @Override
  public Targets targets(PackedInputs in, Program program) {
    return TokenLabels.words(in, program, 0);
  }
}
