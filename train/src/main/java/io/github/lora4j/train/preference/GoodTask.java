package io.github.lora4j.train.preference;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.Targets;
import io.github.lora4j.vector.Activation;
import java.util.Optional;

/**
 * A decoder that learns from single answers that are good or bad: KTO (Ethayarajh et al. 2024). ρ is an answer's log p − log p_ref; its loss
 * is w(1 − σ(β(ρ − z))) where it is good and w(1 − σ(β(z − ρ))) where it is bad.
 *
 * <p>An example is two sequences: the prompt with its answer, and the prompt with the answer of another row. z is the mean of the second
 * ones' ρ over the batch, at least 0, with no gradient: how far the model is from its reference.
 *
 * @param baseline whether there is z; without it this is APO zero for single answers
 * @param good weight of good answers
 * @param bad weight of bad ones
 */
public record GoodTask(Model model, Reference reference, double beta, boolean baseline, double good, double bad) implements AnswerTask {

  /** The task on an architecture. */
  public GoodTask(Architecture architecture, Reference reference, double beta, boolean baseline, double good, double bad) {
    this(new Model(architecture, new Head.LanguageModel()), reference, beta, baseline, good, bad);
  }

  @Override
  public Optional<RecordedTask> beforehand() {
    return reference == Reference.GIVEN ? Optional.of(new GoodTask(model, Reference.NONE, beta, baseline, good, bad)) : Optional.empty();
  }

  @Override
  public Value loss(Graph graph, PackedInputs in, Value ratios) {
    return graph.region("loss", () -> {
      AnswerSlots slots = AnswerSlots.declare(graph.program(), in);
      Value sign = graph.program().input("good", Shape.of(slots.examples(), 1));
      Value sums = graph.rangeSum(graph.multiply(ratios, slots.weights()), slots.ranges());
      Value gain = AnswerSlots.half(graph, in, sums, 0);
      if (baseline) {
        Value others = graph.stopGradient(AnswerSlots.half(graph, in, sums, 1));
        Value every = graph.program().table("everyExample", Shape.of(slots.examples(), 2));
        gain = graph.subtract(gain, graph.activate(Activation.RELU, graph.rangeMean(others, every)));
      }
      Value loss = graph.shift(graph.scale(graph.activate(Activation.SIGMOID, graph.multiply(graph.scale(gain, beta), sign)), -1), 1);
      // Between the weights: their mean, and half their difference with the sign.
      return good == bad ? graph.scale(loss, good) : graph.multiply(loss, graph.shift(graph.scale(sign, (good - bad) / 2), (good + bad) / 2));
    });
  }

  @Override
  public Targets targets(PackedInputs in, Program program) {
    return new AnswerTargets(in, program, PairTask.Own.NONE);
  }
}
