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
import io.github.lora4j.vector.ConfigException;

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
