package io.github.lora4j.models;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.bert.BertConfig;
import io.github.lora4j.models.bert.BertEncoder;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * {@code BertForMaskedLM}: logits over the vocabulary for every token, decoder(LayerNorm(act(dense(hidden)))), where the decoder's weight is
 * the word embedding unless {@code tied} is false. The loss is cross-entropy of the labelled tokens.
 *
 * <p>An example's labels are token ids, one for each of its tokens; −100 is not counted.
 */
public record MaskedLm(BertConfig config, boolean weightsTied) implements EncoderTask {

  private static final String HEAD = "cls.predictions";
  private static final String EMBEDDING = "bert.embeddings.word_embeddings.weight";

  /** Checks the family. */
  public MaskedLm {
    if (config.roberta()) {
      throw new ConfigException("masked language modelling is there for BERT, not for model_type \"%s\"".formatted(config.modelType()));
    }
  }

  /** PEFT has no name for this task. */
  @Override
  public String taskType() {
    return "";
  }

  @Override
  public String modelType() {
    return config.modelType();
  }

  @Override
  public List<ModuleInfo> modules() {
    List<ModuleInfo> list = new ArrayList<>(new BertEncoder(config, config.prefix()).modules());
    list.add(ModuleInfo.other("cls", Kind.CONTAINER));
    // The decoder's bias lies one level up, where it is named first.
    list.add(new ModuleInfo(HEAD, Kind.CONTAINER, 0, config.vocabSize(), true));
    list.add(ModuleInfo.other(HEAD + ".transform", Kind.CONTAINER));
    list.add(ModuleInfo.linear(HEAD + ".transform.dense", config.hiddenSize(), config.hiddenSize(), true));
    list.add(ModuleInfo.other(HEAD + ".transform.transform_act_fn", Kind.ACTIVATION));
    list.add(ModuleInfo.layerNorm(HEAD + ".transform.LayerNorm", config.hiddenSize()));
    list.add(ModuleInfo.linear(HEAD + ".decoder", config.hiddenSize(), config.vocabSize(), false));
    return List.copyOf(list);
  }

  @Override
  public Optional<String> outputModule() {
    return Optional.of(HEAD + ".decoder");
  }

  @Override
  public Map<String, String> tied() {
    return weightsTied ? Map.of(HEAD + ".decoder.weight", EMBEDDING) : Map.of();
  }

  @Override
  public double initializerRange() {
    return config.initializerRange();
  }

  @Override
  public int maxPositions() {
    return config.longest();
  }

  private Value logits(Sites sites, Value rows) {
    return sites.graph().region("head", () -> {
      Value dense = sites.graph().activate(config.activation(), sites.linear(HEAD + ".transform.dense", rows, config.hiddenSize(), true));
      Value normed = sites.layerNorm(HEAD + ".transform.LayerNorm", dense, config.layerNormEps());
      String weight = weightsTied ? EMBEDDING : HEAD + ".decoder.weight";
      return sites.linear(HEAD + ".decoder", weight, Optional.of(HEAD + ".bias"), normed, config.vocabSize());
    });
  }

  @Override
  public Value predict(Sites sites, PackedInputs in) {
    return logits(sites, new BertEncoder(config, config.prefix()).allRows(sites, in));
  }

  @Override
  public Value judged(Sites sites, PackedInputs in) {
    return logits(sites, TokenLabels.rows(sites.graph(), in, new BertEncoder(config, config.prefix()).allRows(sites, in)));
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
    return TokenLabels.targets(in, program, 0);
  }
}
