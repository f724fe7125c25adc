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
import io.github.lora4j.vector.ScalarFunction;
import java.util.List;

/**
 * A decoder that predicts the next token. The loss is cross-entropy over the vocabulary, a prediction is the distribution behind a sequence's
 * last token.
 *
 * <p>An example's labels are token ids, one for each of its tokens; −100 is not counted. The label of token t is predicted by token t − 1. The loss
 * is Σ w·ℓ / Σ w over all counted labels of an optimizer step, with the weight w of each, which is 1 unless the data say otherwise.
 */
public record CausalLm(Model model, TokenLoss tokenLoss) implements RecordedTask {

  /** The loss of a token. */
  public enum TokenLoss {
    /** −log p. */
    NLL,
    /** −p log p with no gradient through the factor: dynamic fine-tuning (Wu et al. 2025), which learns little from what seems impossible. */
    DFT
  }

  /** Checks that tokens do not see what they predict. */
  public CausalLm {
    if (model.architecture().readsSource()) {
      throw new ConfigException("model_type \"%s\" makes a text from another; next tokens of one text are predicted by decoders".formatted(
          model.architecture().modelType()));
    }
    if (model.architecture().rowsOf(model.head()) != Rows.LAST) {
      throw new ConfigException("next tokens are predicted by decoders; model_type \"%s\" is an encoder".formatted(
          model.architecture().modelType()));
    }
  }

  /** The task on an architecture. */
  public CausalLm(Architecture architecture) {
    this(architecture, TokenLoss.NLL);
  }

  /** The task on an architecture with a loss. */
  public CausalLm(Architecture architecture, TokenLoss loss) {
    this(new Model(architecture, new Head.LanguageModel()), loss);
  }

  @Override
  public String taskType() {
    return "CAUSAL_LM";
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
    return graph.region("loss", () -> {
      Value logProbability = graph.split(judged, 2).getFirst();
      Value nll = graph.scale(logProbability, -1);
      Value loss = switch (tokenLoss) {
        case NLL -> nll;
        case DFT -> graph.multiply(nll, graph.stopGradient(graph.apply(ScalarFunction.EXP, logProbability)));
      };
      return graph.multiply(loss, TokenLabels.weights(graph, in));
    });
  }

  @Override
  public void countTargets(Graph graph, PackedInputs in, Value total) {
    graph.addSum(TokenLabels.weights(graph, in), total);
  }

  @Override
  public Targets targets(PackedInputs in, Program program) {
    return TokenLabels.words(in, program, 1);
  }
}
