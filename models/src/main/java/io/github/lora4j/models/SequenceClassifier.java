package io.github.lora4j.models;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.bert.BertConfig;
import io.github.lora4j.models.bert.BertEncoder;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Loss;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code BertForSequenceClassification}: logits = classifier(tanh(pooler(first token))); of a RoBERTa {@code RobertaForSequenceClassification},
 * which computes the same under other names: the pooler is part of the head, classifier.out_proj(tanh(classifier.dense(first token))). The loss follows Hugging Face's
 * problem_type: single label, several labels, regression.
 *
 * @param loss CROSS_ENTROPY for one of several classes, BCE_WITH_LOGITS for several labels at once, MSE for regression
 */
public record SequenceClassifier(BertConfig config, int labels, Loss loss) implements EncoderTask {

  /** Checks the numbers. */
  public SequenceClassifier {
    if (labels < 1 || loss == Loss.CROSS_ENTROPY && labels < 2) {
      throw new ConfigException("classification into %d classes by %s: cross-entropy needs at least 2, the others at least 1"
          .formatted(labels, loss));
    }
  }

  @Override
  public String taskType() {
    return "SEQ_CLS";
  }

  @Override
  public String modelType() {
    return config.modelType();
  }

  @Override
  public List<ModuleInfo> modules() {
    List<ModuleInfo> list = new ArrayList<>(new BertEncoder(config, config.prefix()).modules());
    int hidden = config.hiddenSize();
    if (config.roberta()) {
      list.add(ModuleInfo.other("classifier", Kind.CONTAINER));
      list.add(ModuleInfo.linear(dense(), hidden, hidden, true));
      list.add(ModuleInfo.other("classifier.dropout", Kind.DROPOUT));
    } else {
      list.add(ModuleInfo.other("bert.pooler", Kind.CONTAINER));
      list.add(ModuleInfo.linear(dense(), hidden, hidden, true));
      list.add(ModuleInfo.other("bert.pooler.activation", Kind.ACTIVATION));
      list.add(ModuleInfo.other("dropout", Kind.DROPOUT));
    }
    list.add(ModuleInfo.linear(output(), hidden, labels, true));
    return List.copyOf(list);
  }

  @Override
  public double initializerRange() {
    return config.initializerRange();
  }

  @Override
  public int maxPositions() {
    return config.longest();
  }

  @Override
  public int firstPosition() {
    return config.firstPosition();
  }

  @Override
  public Value predict(Sites sites, PackedInputs in) {
    return head(sites, new BertEncoder(config, config.prefix()).firstRows(sites, in));
  }

  private String dense() {
    return config.roberta() ? "classifier.dense" : "bert.pooler.dense";
  }

  private String output() {
    return config.roberta() ? "classifier.out_proj" : "classifier";
  }

  /** Logits from the first tokens' last hidden states. */
  public Value head(Sites sites, Value firstRows) {
    return sites.graph().region("head", () -> {
      Value pooled = sites.graph().activate(Activation.TANH, sites.linear(dense(), firstRows, config.hiddenSize(), true));
      return sites.linear(output(), pooled, labels, true);
    });
  }

  @Override
  public Value loss(Graph graph, PackedInputs in, Value predictions) {
    return SequenceLabels.loss(graph, in, predictions, loss);
  }

  @Override
  public void countTargets(Graph graph, PackedInputs in, Value total) {
    SequenceLabels.count(graph, in, labels, loss, total);
  }

  @Override
  public int sequencesPerExample() {
    return 1;
  }

  @Override
  public Targets targets(PackedInputs in, Program program) {
    return SequenceLabels.targets(in, program);
  }
}
