package io.github.lora4j.golden;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.Targets;

/** A task whose predictions are the logits of every token, whatever rows it reads itself. */
record EveryToken(RecordedTask of) implements RecordedTask {

  @Override
  public String taskType() {
    return of.taskType();
  }

  @Override
  public Model model() {
    return of.model();
  }

  @Override
  public Value predict(Sites sites, PackedInputs in) {
    return model().logits(sites, model().hidden(sites, in, Rows.ALL));
  }

  @Override
  public Value loss(Graph graph, PackedInputs in, Value predictions) {
    return of.loss(graph, in, predictions);
  }

  @Override
  public Targets targets(PackedInputs in, Program program) {
    return of.targets(in, program);
  }

  @Override
  public void countTargets(Graph graph, PackedInputs in, Value total) {
    of.countTargets(graph, in, total);
  }
}
