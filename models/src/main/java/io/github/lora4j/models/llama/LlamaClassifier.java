package io.github.lora4j.models.llama;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.EncoderInputs;
import io.github.lora4j.models.EncoderTask;
import io.github.lora4j.models.SequenceLabels;
import io.github.lora4j.models.Targets;
import io.github.lora4j.vector.Loss;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * {@code LlamaForSequenceClassification}: logits = score(last token), without bias.
 *
 * @param loss as for {@link io.github.lora4j.models.SequenceClassifier}
 */
public record LlamaClassifier(LlamaConfig config, int labels, Loss loss) implements EncoderTask {

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
    List<ModuleInfo> list = new ArrayList<>(new LlamaModel(config).modules());
    list.add(ModuleInfo.linear("score", config.hiddenSize(), labels, false));
    return List.copyOf(list);
  }

  @Override
  public Map<String, String> tied() {
    return new LlamaModel(config).shared();
  }

  @Override
  public String stored(String parameter) {
    return config.stored(parameter);
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
    Value rows = new LlamaModel(config).lastRows(sites, in);
    return sites.graph().region("head", () -> sites.linear("score", rows, labels, false));
  }

  @Override
  public Value loss(Graph graph, EncoderInputs in, Value predictions) {
    return SequenceLabels.loss(graph, in, predictions, loss);
  }

  @Override
  public Targets targets(EncoderInputs in, Program program) {
    return SequenceLabels.targets(in, program);
  }

  @Override
  public int sequencesPerExample() {
    return 1;
  }

  @Override
  public void countTargets(Graph graph, EncoderInputs in, Value total) {
    SequenceLabels.count(graph, in, labels, loss, total);
  }
}
