package io.github.lora4j.train;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.lora.AdapterRecording;
import io.github.lora4j.lora.ParameterGroup;
import io.github.lora4j.lora.StepHook;
import io.github.lora4j.train.data.Batches;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Optional;

/**
 * What a recipe amounts to on its data, before anything is compiled.
 *
 * @param batches the order of the examples
 * @param steps optimizer steps in all
 * @param schedule of the learning rate
 * @param optimizer update rule and clipping
 * @param capacity what the program must have room for
 * @param hook what the method does between steps; made here so that its schedule is checked against the run before anything is compiled
 */
public record TrainingPlan(Batches batches, int steps, Schedule schedule, OptimizerSpec optimizer, TaskProgram.Capacity capacity,
    Optional<StepHook> hook) {

  /**
   * Plans a run.
   *
   * @throws ConfigException if max_tokens is too small for the data
   */
  public static TrainingPlan of(Recipe recipe, Fixture fixture) {
    Batches batches = new Batches(fixture.train().size(), Math.min(recipe.batchSize(), fixture.train().size()), recipe.gradientAccumulation(), recipe.seed());
    int steps = recipe.maxSteps() > 0 ? recipe.maxSteps() : (int) Math.ceil(batches.stepsPerEpoch() * recipe.epochs());
    Recipe.Optimizer o = recipe.optimizer();
    int warmup = o.warmupSteps() > 0 ? o.warmupSteps() : (int) Math.ceil(steps * o.warmupRatio());
    return new TrainingPlan(batches, steps, Schedule.of(o.schedule(), warmup, steps), optimizer(o, fixture.adapter().groups()),
        capacity(recipe, fixture, batches, steps), fixture.adapter().hook(steps));
  }

  /** What a backend would allocate for this run. */
  public List<Backend.Allocation> forecast(Recipe recipe, Fixture fixture, Backend backend) {
    TaskProgram program = TaskProgram.record(fixture.task(), fixture.adapter(), capacity, Optional.of(optimizer));
    AdapterRecording.requireRecorded(fixture.adapter(), program.program());
    return backend.forecast(program.program(), new CompileOptions(recipe.weightType()));
  }

  private static OptimizerSpec optimizer(Recipe.Optimizer o, List<ParameterGroup> groups) {
    OptimizerSpec.Kind kind = switch (o.name()) {
      case "adam" -> OptimizerSpec.Kind.ADAM;
      case "amsgrad" -> OptimizerSpec.Kind.AMSGRAD;
      case "lorafa" -> OptimizerSpec.Kind.LORAFA;
      case "sgd" -> OptimizerSpec.Kind.SGD;
      default -> OptimizerSpec.Kind.ADAMW;
    };
    List<Double> decay = groups.stream().map(g -> g.decays() ? o.weightDecay() : 0.0).toList();
    return new OptimizerSpec(kind, o.beta1(), o.beta2(), o.eps(), decay, o.maxGradNorm());
  }

  /** Room for the longest micro-batch that will occur, which the seed determines, within the user's token budget. */
  private static TaskProgram.Capacity capacity(Recipe recipe, Fixture fixture, Batches batches, int steps) {
    TokenizedData train = fixture.train();
    int epochs = (steps + batches.stepsPerEpoch() - 1) / batches.stepsPerEpoch();
    int needed = 1;
    for (int epoch = 0; epoch < epochs; epoch++) {
      int[] order = batches.order(epoch);
      for (int from = 0; from < order.length; from += batches.batch()) {
        int sum = 0;
        for (int i = from; i < Math.min(order.length, from + batches.batch()); i++) {
          sum += train.tokens(order[i]);
        }
        needed = Math.max(needed, sum);
      }
    }
    int longest = Math.max(train.longest(), fixture.eval().map(TokenizedData::longest).orElse(0));
    boolean pairs = fixture.task().sequencesPerExample() > 1;
    if (recipe.maxTokens() > 0 && recipe.maxTokens() < needed) {
      if (pairs) {
        throw new ConfigException("max_tokens is %d but a batch of %d pairs has up to %d tokens; every pair of a batch must be seen together, so lower batch_size instead"
            .formatted(recipe.maxTokens(), recipe.batchSize(), needed));
      }
      if (recipe.maxTokens() < longest) {
        throw new ConfigException("max_tokens is %d but the longest text has %d tokens; raise it, or set data.max_length"
            .formatted(recipe.maxTokens(), longest));
      }
      needed = recipe.maxTokens();
    }
    return new TaskProgram.Capacity(Math.max(needed, longest), batches.batch() * fixture.task().sequencesPerExample(), longest);
  }
}
