package io.github.lora4j.models;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.Loss;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * {@code LlamaForSequenceClassification}, {@code GPT2ForSequenceClassification}: logits = score(last token), without bias.
 *
 * @param loss as for {@link SequenceClassifier}
 */
public record DecoderClassifier(Decoder model, int labels, Loss loss) implements EncoderTask {

  @Override
  public String taskType() {
    return "SEQ_CLS";
  }

  @Override
  public String modelType() {
    return model.modelType();
  }

  @Override
  public List<ModuleInfo> modules() {
    List<ModuleInfo> list = new ArrayList<>(model.modules());
    list.add(ModuleInfo.linear("score", model.hiddenSize(), labels, false));
    return List.copyOf(list);
  }

  @Override
  public Map<String, String> tied() {
    return model.shared();
  }

  @Override
  public String stored(String parameter) {
    return model.stored(parameter);
  }

  @Override
  public double initializerRange() {
    return model.initializerRange();
  }

  @Override
  public int maxPositions() {
    return model.maxPositions();
  }

  @Override
  public Value predict(Sites sites, PackedInputs in) {
    Value rows = model.lastRows(sites, in);
    return sites.graph().region("head", () -> sites.linear("score", rows, labels, false));
  }

  @Override
  public Value loss(Graph graph, PackedInputs in, Value predictions) {
    return SequenceLabels.loss(graph, in, predictions, loss);
  }

  @Override
  public Targets targets(PackedInputs in, Program program) {
    return SequenceLabels.targets(in, program);
  }

  @Override
  public int sequencesPerExample() {
    return 1;
  }

  @Override
  public void countTargets(Graph graph, PackedInputs in, Value total) {
    SequenceLabels.count(graph, in, labels, loss, total);
  }
}
