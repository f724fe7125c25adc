package io.github.lora4j.models.llama;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.EncoderInputs;
import io.github.lora4j.models.EncoderTask;
import io.github.lora4j.models.Targets;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Loss;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * {@code LlamaForCausalLM}: the next token's logits by lm_head, which may be the embedding itself. The loss is cross-entropy over the
 * vocabulary; logits are computed only for rows that predict a counted label. A prediction is the distribution behind a sequence's last token.
 *
 * <p>An example's labels are token ids, one for each of its tokens; −100 is not counted. The label of token t is predicted by token t − 1.
 */
public record CausalLm(LlamaConfig config) implements EncoderTask {

  /** A label that is not counted, as in PyTorch. */
  public static final int IGNORED = -100;

  private static final String HEAD = "lm_head";
  private static final String EMBEDDING = "model.embed_tokens.weight";

  /** Where logits are wanted: rows of the tokens axis, their inverse, and the labels. */
  private record Slots(RowAxis axis, Value rows, Value inverse, Value labels) {
    static Slots declare(ProgramBuilder program, EncoderInputs in) {
      RowAxis axis = program.axis("targets", in.tokens().capacity());
      return new Slots(axis, program.table("targetRows", Shape.of(axis, 1)), program.table("targetInverse", Shape.of(in.tokens(), 1)),
          program.table("labels", Shape.of(axis, 1)));
    }
  }

  @Override
  public String taskType() {
    return "CAUSAL_LM";
  }

  @Override
  public String modelType() {
    return config.modelType();
  }

  @Override
  public List<ModuleInfo> modules() {
    List<ModuleInfo> list = new ArrayList<>(new LlamaModel(config).modules());
    list.add(ModuleInfo.linear(HEAD, config.hiddenSize(), config.vocabSize(), false));
    return List.copyOf(list);
  }

  @Override
  public Optional<String> outputModule() {
    return Optional.of(HEAD);
  }

  @Override
  public Map<String, String> tied() {
    Map<String, String> tied = new LinkedHashMap<>(new LlamaModel(config).shared());
    if (config.tied()) {
      tied.put(HEAD + ".weight", EMBEDDING);
    }
    return tied;
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

  private Value logits(Sites sites, Value rows) {
    return sites.graph().region("head", () -> sites.linear(HEAD, config.tied() ? EMBEDDING : HEAD + ".weight", rows, config.vocabSize(), false));
  }

  @Override
  public Value predict(Sites sites, EncoderInputs in) {
    return logits(sites, new LlamaModel(config).lastRows(sites, in));
  }

  @Override
  public Value judged(Sites sites, EncoderInputs in) {
    Slots slots = Slots.declare(sites.graph().program(), in);
    Value all = new LlamaModel(config).allRows(sites, in);
    return logits(sites, sites.graph().gather(all, slots.rows, Optional.of(slots.inverse), Optional.empty()));
  }

  @Override
  public Value loss(Graph graph, EncoderInputs in, Value predictions) {
    return graph.region("loss", () -> graph.loss(Loss.CROSS_ENTROPY, predictions, Slots.declare(graph.program(), in).labels));
  }

  @Override
  public void countTargets(Graph graph, EncoderInputs in, Value total) {
    graph.countTargets(Optional.of(Loss.CROSS_ENTROPY), Slots.declare(graph.program(), in).labels, total);
  }

  @Override
  public int sequencesPerExample() {
    return 1;
  }

  @Override
  public Targets targets(EncoderInputs in, Program program) {
    return new TokenTargets(in, program);
  }

  /** The host side of {@link Slots}. */
  private static final class TokenTargets implements Targets {
    private final RowAxis axis;
    private final Value rowsSlot;
    private final Value inverseSlot;
    private final Value labelsSlot;
    private final int[] rows;
    private final int[] inverse;
    private final int[] labels;
    private int tokens;
    private int targets;

    TokenTargets(EncoderInputs in, Program program) {
      axis = program.axis("targets").orElseThrow();
      rowsSlot = program.slot("targetRows").orElseThrow();
      inverseSlot = program.slot("targetInverse").orElseThrow();
      labelsSlot = program.slot("labels").orElseThrow();
      rows = new int[in.tokens().capacity()];
      inverse = new int[in.tokens().capacity()];
      labels = new int[in.tokens().capacity()];
    }

    @Override
    public void clear() {
      tokens = 0;
      targets = 0;
    }

    @Override
    public void add(float[] label) {
      if (tokens + label.length > rows.length) {
        throw new ConfigException("labels of %d tokens do not fit behind %d of at most %d".formatted(label.length, tokens, rows.length));
      }
      Arrays.fill(inverse, tokens, tokens + label.length, -1);
      for (int t = 1; t < label.length; t++) {
        if (label[t] != IGNORED) {
          rows[targets] = tokens + t - 1;
          inverse[tokens + t - 1] = targets;
          labels[targets++] = (int) label[t];
        }
      }
      tokens += label.length;
    }

    @Override
    public void write(Executable to) {
      to.rows(axis, targets);
      to.write(rowsSlot, rows, targets);
      to.write(inverseSlot, inverse, tokens);
      to.write(labelsSlot, labels, targets);
    }
  }
}
