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
 * {@code BertForSequenceClassification}: logits = classifier(tanh(pooler(first token))). The loss follows Hugging Face's
 * problem_type: single label, several labels, regression.
 *
 * @param loss CROSS_ENTROPY for one of several classes, BCE_WITH_LOGITS for several labels at once, MSE for regression
 */
public record SequenceClassifier(BertConfig config, int labels, Loss loss) implements EncoderTask {

  private static final String PREFIX = "bert.";

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
    return "bert";
  }

  @Override
  public List<ModuleInfo> modules() {
    List<ModuleInfo> list = new ArrayList<>(new BertEncoder(config, PREFIX).modules());
    list.add(ModuleInfo.other("bert.pooler", Kind.CONTAINER));
    list.add(ModuleInfo.linear("bert.pooler.dense", config.hiddenSize(), config.hiddenSize(), true));
    list.add(ModuleInfo.other("bert.pooler.activation", Kind.ACTIVATION));
    list.add(ModuleInfo.other("dropout", Kind.DROPOUT));
    list.add(ModuleInfo.linear("classifier", config.hiddenSize(), labels, true));
    return List.copyOf(list);
  }

  @Override
  public double initializerRange() {
    return config.initializerRange();
  }

  @Override
  public int maxPositions() {
    return config.maxPositions();
  }

  @Override
  public Value predict(Sites sites, EncoderInputs in) {
    return head(sites, new BertEncoder(config, PREFIX).firstRows(sites, in));
  }

  /** Logits from the first tokens' last hidden states. */
  public Value head(Sites sites, Value firstRows) {
    return sites.graph().region("head", () -> {
      Value pooled = sites.graph().activate(Activation.TANH, sites.linear("bert.pooler.dense", firstRows, config.hiddenSize(), true));
      return sites.linear("classifier", pooled, labels, true);
    });
  }

  @Override
  public Value loss(Graph graph, EncoderInputs in, Value predictions) {
    return SequenceLabels.loss(graph, in, predictions, loss);
  }

  @Override
  public void countTargets(Graph graph, EncoderInputs in, Value total) {
    SequenceLabels.count(graph, in, labels, loss, total);
  }

  @Override
  public int sequencesPerExample() {
    return 1;
  }

  @Override
  public Targets targets(EncoderInputs in, Program program) {
    return SequenceLabels.targets(in, program);
  }
}
