package io.github.lora4j.models;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * {@code LlamaForCausalLM}, {@code GPT2LMHeadModel}: the next token's logits by lm_head, which may be the embedding itself. The loss is
 * cross-entropy over the vocabulary. A prediction is the distribution behind a sequence's last token.
 *
 * <p>An example's labels are token ids, one for each of its tokens; −100 is not counted. The label of token t is predicted by token t − 1.
 */
public record CausalLm(Decoder model) implements EncoderTask {

  private static final String HEAD = "lm_head";

  @Override
  public String taskType() {
    return "CAUSAL_LM";
  }

  @Override
  public String modelType() {
    return model.modelType();
  }

  @Override
  public List<ModuleInfo> modules() {
    List<ModuleInfo> list = new ArrayList<>(model.modules());
    list.add(ModuleInfo.linear(HEAD, model.hiddenSize(), model.vocabSize(), false));
    return List.copyOf(list);
  }

  @Override
  public Optional<String> outputModule() {
    return Optional.of(HEAD);
  }

  @Override
  public Map<String, String> tied() {
    Map<String, String> tied = new LinkedHashMap<>(model.shared());
    if (model.tied()) {
      tied.put(HEAD + ".weight", model.embedding());
    }
    return tied;
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

  private Value logits(Sites sites, Value rows) {
    String weight = model.tied() ? model.embedding() : HEAD + ".weight";
    return sites.graph().region("head", () -> sites.linear(HEAD, weight, rows, model.vocabSize(), false));
  }

  @Override
  public Value predict(Sites sites, PackedInputs in) {
    return logits(sites, model.lastRows(sites, in));
  }

  @Override
  public Value judged(Sites sites, PackedInputs in) {
    return logits(sites, TokenLabels.rows(sites.graph(), in, model.allRows(sites, in)));
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
  public int sequencesPerExample() {
    return 1;
  }

  @Override
  public Targets targets(PackedInputs in, Program program) {
    return TokenLabels.targets(in, program, 1);
  }
}
