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
 * An encoder that predicts masked tokens: logits over the vocabulary for every token. The loss is cross-entropy of the labelled tokens.
 *
 * <p>An example's labels are token ids, one for each of its tokens; −100 is not counted.
 */
public record MaskedLm(Model model) implements RecordedTask {

  /** Checks that tokens see what is behind them. */
  public MaskedLm {
    if (model.architecture().rowsOf(model.head()) != Rows.ALL) {
      throw new ConfigException("masked tokens are predicted by encoders; model_type \"%s\" is a decoder".formatted(
          model.architecture().modelType()));
    }
  }

  /** The task on an architecture. */
  public MaskedLm(Architecture architecture) {
    this(new Model(architecture, new Head.LanguageModel()));
  }

  /** PEFT has no name for this task. */
  @Override
  public String taskType() {
    return "";
  }

  /** Of each labelled token (its log-probability, the likeliest token in its place): logits of all of them would be the largest thing there is. */
  @Override
  public Value judged(Sites sites, PackedInputs in) {
    Graph graph = sites.graph();
    LossOp.Labelled tokens = model.labelled(sites, TokenLabels.rows(graph, in, model.hidden(sites, in, Rows.ALL)), TokenLabels.labels(graph, in));
    return graph.region("loss", () -> graph.join(List.of(tokens.logProbability(), tokens.likeliest())));
  }

  @Override
  public Value loss(Graph graph, PackedInputs in, Value judged) {
    return graph.region("loss", () -> graph.scale(graph.split(judged, 2).getFirst(), -1));
  }

  @Override
  public void countTargets(Graph graph, PackedInputs in, Value total) {
    TokenLabels.count(graph, in, total);
  }

  @Override
  public Targets targets(PackedInputs in, Program program) {
    return TokenLabels.words(in, program, 0);
  }
}
