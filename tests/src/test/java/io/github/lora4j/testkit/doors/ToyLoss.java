package io.github.lora4j.testkit.doors;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.SequenceLabels;
import io.github.lora4j.train.recorded.Targets;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.ScalarFunction;

/**
 * A loss that lora4j does not have: Σ log cosh(p − t), which is d − log σ(2d) − log 2 of d = p − t and grows like |d| far from the target. A
 * sequence's number is p = z + z·|z| of the head's z, by the toy op.
 */
record ToyLoss(Model model) implements RecordedTask {

  ToyLoss(Architecture architecture) {
    this(new Model(architecture, new Head.SequenceClassification(1)));
  }

  @Override
  public String taskType() {
    return "SEQ_CLS";
  }

  @Override
  public Value predict(Sites sites, PackedInputs in) {
    Value z = model.forward(sites, in);
    Graph graph = sites.graph();
    Value square = graph.temp("signed square", z.shape());
    graph.record(new ToyOpTest.SignedSquare(z, square));
    return graph.add(z, square);
  }

  @Override
  public Value loss(Graph graph, PackedInputs in, Value predictions) {
    return graph.region("loss", () -> {
      Value d = graph.subtract(predictions, SequenceLabels.slot(graph.program(), in, 1, Loss.MSE));
      Value logSigmoid = graph.apply(ScalarFunction.LOG_SIGMOID, graph.scale(d, 2));
      return graph.shift(graph.subtract(d, logSigmoid), -Math.log(2));
    });
  }

  @Override
  public Targets targets(PackedInputs in, Program program) {
    return SequenceLabels.targets(in, program);
  }

  @Override
  public void countTargets(Graph graph, PackedInputs in, Value total) {
    SequenceLabels.count(graph, in, 1, Loss.MSE, total);
  }
}
