package io.github.lora4j.train.preference;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.Targets;
import io.github.lora4j.vector.ConfigException;
import java.util.Optional;

/**
 * A decoder that learns to prefer one answer to another. The loss is a {@link PairLoss} of each pair, and beside it, where {@code own} is not 0,
 * the cross-entropy of the chosen answers: own · (their negative log-probabilities / their tokens in the batch).
 *
 * <p>An example is two sequences, the chosen and the rejected answer behind the prompt; its target {@link
 * io.github.lora4j.train.data.Target.Answers}. The loss judges rows of [targets, 1]: log-probabilities of the answers' tokens, less those of the
 * reference.
 *
 */
public record PairTask(Model model, PairLoss pairLoss, Reference reference, Own own) implements RecordedTask {

  /**
   * What is learnt of the chosen answers beside the comparison, and how tokens are weighed.
   *
   * @param weight of the chosen answers' own cross-entropy
   * @param prompts whether that counts the prompt as well
   * @param beyond what tokens of an answer count that lie beyond the length of the shorter one: 1 is all (Liu et al. 2024)
   */
  public record Own(double weight, boolean prompts, double beyond) {
    /** The comparison alone. */
    public static final Own NONE = new Own(0, false, 1);
  }

  /** Checks that what is needed is there. */
  public PairTask {
    if (own.weight != 0 && reference == Reference.STEP) {
      throw new ConfigException("the chosen answers' own cross-entropy is only known beside a reference that was computed before (reference: "
          + "before)");
    }
  }

  /** The task on an architecture. */
  public PairTask(Architecture architecture, PairLoss loss, Reference reference, Own own) {
    this(new Model(architecture, new Head.LanguageModel()), loss, reference, own);
  }

  @Override
  public String taskType() {
    return "CAUSAL_LM";
  }

  @Override
  public int sequencesPerExample() {
    return 2;
  }

  @Override
  public Optional<RecordedTask> beforehand() {
    return reference == Reference.GIVEN ? Optional.of(new PairTask(model, pairLoss, Reference.NONE, Own.NONE)) : Optional.empty();
  }

  @Override
  public boolean holdsBase() {
    return reference == Reference.STEP;
  }

  @Override
  public Value judged(Sites sites, PackedInputs in) {
    return AnswerSlots.logRatios(model, reference, sites, in);
  }

  @Override
  public Value loss(Graph graph, PackedInputs in, Value ratios) {
    return graph.region("loss", () -> {
      AnswerSlots slots = AnswerSlots.declare(graph.program(), in);
      Value sums = graph.rangeSum(graph.multiply(ratios, slots.weights()), slots.ranges());
      Value of = pairLoss.kind().ofMeans() ? graph.multiply(sums, slots.perToken()) : sums;
      Value loss = pairLoss.record(graph, AnswerSlots.half(graph, in, of, 0), AnswerSlots.half(graph, in, of, 1));
      if (own.weight == 0) {
        return loss;
      }
      Value logs = reference == Reference.NONE ? ratios : graph.add(ratios, graph.program().input(AnswerSlots.REFERENCE, ratios.shape()));
      Value nll = graph.rangeSum(graph.multiply(logs, slots.own()), slots.ranges());
      return graph.subtract(loss, graph.scale(AnswerSlots.half(graph, in, nll, 0), own.weight));
    });
  }

  @Override
  public void countTargets(Graph graph, PackedInputs in, Value total) {
    graph.countTargets(AnswerSlots.declare(graph.program(), in).counted(), total);
  }

  @Override
  public Targets targets(PackedInputs in, Program program) {
    return new AnswerTargets(in, program, own);
  }
}
