package io.github.lora4j.train.recorded;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Loss;
import java.util.Optional;

/**
 * Whole sequences: one of several classes, several labels at once, or numbers, as Hugging Face's problem_type says. Encoders judge by the first
 * token, decoders by the last.
 *
 * @param loss CROSS_ENTROPY for one of several classes, BCE_WITH_LOGITS for several labels at once, MSE for regression
 */
public record SequenceClassifier(Model model, Loss loss) implements RecordedTask {

  /** Checks the numbers. */
  public SequenceClassifier {
    if (!(model.head() instanceof Head.SequenceClassification head) || loss == Loss.CROSS_ENTROPY && head.labels() < 2) {
      throw new ConfigException("classification by %s of %s: cross-entropy needs at least 2 labels, the others at least 1".formatted(loss,
          model.head()));
    }
  }

  /** The task on an architecture. */
  public SequenceClassifier(Architecture architecture, int labels, Loss loss) {
    this(new Model(architecture, new Head.SequenceClassification(labels)), loss);
  }

  /** Logits of a sequence. */
  public int labels() {
    return ((Head.SequenceClassification) model.head()).labels();
  }

  @Override
  public String taskType() {
    return "SEQ_CLS";
  }

  @Override
  public Optional<String> problemType() {
    return Optional.of(switch (loss) {
      case CROSS_ENTROPY -> "single_label_classification";
      case BCE_WITH_LOGITS -> "multi_label_classification";
      case MSE -> "regression";
    });
  }

  @Override
  public Value loss(Graph graph, PackedInputs in, Value predictions) {
    return SequenceLabels.loss(graph, in, predictions, loss);
  }

  @Override
  public void countTargets(Graph graph, PackedInputs in, Value total) {
    SequenceLabels.count(graph, in, labels(), loss, total);
  }

  @Override
  public Targets targets(PackedInputs in, Program program) {
    return SequenceLabels.targets(in, program);
  }
}
