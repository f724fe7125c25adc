package io.github.lora4j.train.preference;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.Targets;
import io.github.lora4j.vector.ScalarFunction;

/**
 * A model that gives answers a score, learnt from pairs: −log σ(s_chosen − s_rejected), and c · (s_chosen + s_rejected)² to keep scores around
 * 0 (Eisenstein et al. 2023). The loss judges scores [sequences, 1].
 *
 * @param center c
 */
public record RewardTask(Model model, double center) implements RecordedTask {

  /** The task on an architecture. */
  public RewardTask(Architecture architecture, double center) {
    this(new Model(architecture, new Head.SequenceClassification(1)), center);
  }

  @Override
  public String taskType() {
    return "SEQ_CLS";
  }

  @Override
  public int sequencesPerExample() {
    return 2;
  }

  @Override
  public Value loss(Graph graph, PackedInputs in, Value scores) {
    return graph.region("loss", () -> {
      AnswerSlots.declare(graph.program(), in);
      Value chosen = AnswerSlots.half(graph, in, scores, 0);
      Value rejected = AnswerSlots.half(graph, in, scores, 1);
      Value loss = graph.scale(graph.apply(ScalarFunction.LOG_SIGMOID, graph.subtract(chosen, rejected)), -1);
      Value sum = graph.add(chosen, rejected);
      return center == 0 ? loss : graph.add(loss, graph.scale(graph.multiply(sum, sum), center));
    });
  }

  @Override
  public void countTargets(Graph graph, PackedInputs in, Value total) {
    graph.countTargets(AnswerSlots.declare(graph.program(), in).counted(), total);
  }

  @Override
  public Targets targets(PackedInputs in, Program program) {
    return new ScoreTargets(in, program);
  }
}
