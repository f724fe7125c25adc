package io.github.lora4j.train;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.lora.AdapterRecording;
import io.github.lora4j.lora.StepHook;
import io.github.lora4j.lora.parameters.ParameterGroup;
import io.github.lora4j.models.Weights;
import io.github.lora4j.train.data.Batches;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.Schedule;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.session.FittingHead;
import io.github.lora4j.train.session.MemoryForecast;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;

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
  public static TrainingPlan of(PreparedRun run) {
    Recipe.Training t = run.recipe().training();
    Batches batches = new Batches(run.train().size(), Math.min(t.batchSize(), run.train().size()), t.gradientAccumulation(), t.seed());
    int steps = t.maxSteps() > 0 ? t.maxSteps() : (int) Math.ceil(batches.stepsPerEpoch() * t.epochs());
    Recipe.Optimizer o = t.optimizer();
    int warmup = o.schedule().steps() > 0 ? o.schedule().steps() : (int) Math.ceil(steps * o.schedule().ratio());
    return new TrainingPlan(batches, steps, Schedule.of(o.schedule().kind(), warmup, steps, o.learningRate(), o.schedule().decay()),
        optimizer(o, run.adapter().groups()), capacity(run, batches, steps), run.adapter().hook(steps));
  }

  /** What this run would take of memory, by what it is for. */
  public List<Backend.Allocation> forecast(PreparedRun run, Backend backend) {
    TaskProgram program = TaskProgram.record(run.program(), run.adapter(), capacity, optimizer);
    AdapterRecording.requireRecorded(run.adapter(), program.program());
    try (Weights weights = new Weights(List.of(FittingHead.open(run.directory(), run.program().model())), run.program().model(), 0)) {
      CompileOptions options = run.recipe().computing().weightType().sizes(program.program(), weights);
      return MemoryForecast.of(backend, program.program(), options, run.adapter(), !run.recipe().adapter().startFrom().isEmpty(),
          batches.accumulation(), parameter -> weights.readsWhole(parameter, options.of(parameter)));
    }
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
    return new OptimizerSpec(kind, o.moments().beta1(), o.moments().beta2(), o.moments().eps(), decay, o.maxGradNorm());
  }

  /** Room for the longest micro-batch that will occur, which the seed determines, within the user's token budget. */
  private static TaskProgram.Capacity capacity(PreparedRun run, Batches batches, int steps) {
    int maxTokens = run.recipe().computing().maxTokens();
    TokenizedData train = run.train();
    int needed = longestBatch(train::tokens, train.size(), batches, steps);
    int longest = Math.max(train.longest(), run.eval().map(TokenizedData::longest).orElse(0));
    boolean pairs = run.program().sequencesPerExample() > 1;
    if (maxTokens > 0 && maxTokens < needed) {
      if (pairs) {
        throw new ConfigException(("max_tokens is %d but a batch of %d pairs has up to %d tokens; every pair of a batch must be seen together, so "
            + "lower batch_size instead")
            .formatted(maxTokens, run.recipe().training().batchSize(), needed));
      }
      if (maxTokens < longest) {
        throw new ConfigException("max_tokens is %d but the longest text has %d tokens; raise it, or set data.max_length"
            .formatted(maxTokens, longest));
      }
      needed = maxTokens;
    }
    Optional<TaskProgram.Capacity> measuring = run.eval().map(data -> evaluation(run.program(), data, batches.batch()));
    int together = measuring.map(TaskProgram.Capacity::tokens).orElse(0);
    boolean made = run.program().model().architecture().readsSource();
    int least = made ? longestOf(run, Example::tokens) : longest;
    return new TaskProgram.Capacity(Math.max(Math.max(needed, least), together), batches.batch() * run.program().sequencesPerExample(), longest,
        run.eval().isPresent(), batches.accumulation(), run.recipe().computing().recompute() == Recipe.Recompute.LAYERS,
        made ? sources(run, batches, steps) : 0);
  }

  /** Tokens of the sources of the longest micro-batch, within the user's budget, which texts and their sources have each. */
  private static int sources(PreparedRun run, Batches batches, int steps) {
    int needed = longestBatch(run.train()::sourceTokens, run.train().size(), batches, steps);
    int maxTokens = run.recipe().computing().maxTokens();
    return Math.max(maxTokens > 0 ? Math.min(maxTokens, needed) : needed, longestOf(run, Example::sourceTokens));
  }

  private static int longestOf(PreparedRun run, ToIntFunction<Example> tokens) {
    return Stream.concat(run.train().examples().stream(), run.eval().stream().flatMap(data -> data.examples().stream())).mapToInt(tokens).max().orElse(1);
  }

  /** Examples that are looked at to find the longest batch: in a run of more of them any batch is taken to occur. */
  private static final long LOOKED_AT = 1L << 26;

  /** Tokens of the longest micro-batch of a run, given those of each example. */
  static int longestBatch(IntUnaryOperator tokens, int examples, Batches batches, int steps) {
    long epochs = ((long) steps + batches.stepsPerEpoch() - 1) / batches.stepsPerEpoch();
    long needed = 1;
    if (epochs * examples > LOOKED_AT) {
      needed = IntStream.range(0, examples).map(i -> -tokens.applyAsInt(i)).sorted().limit(batches.batch()).asLongStream().map(n -> -n).sum();
      epochs = 0;
    }
    for (int epoch = 0; epoch < epochs; epoch++) {
      int[] order = batches.order(epoch);
      for (int from = 0; from < order.length; from += batches.batch()) {
        long sum = 0;
        for (int i = from; i < Math.min(order.length, from + batches.batch()); i++) {
          sum += tokens.applyAsInt(order[i]);
        }
        needed = Math.max(needed, sum);
      }
    }
    if (needed > Integer.MAX_VALUE) {
      throw new ConfigException("a batch of %,d examples has up to %,d tokens, which is more than can be counted; lower batch_size"
          .formatted(batches.batch(), needed));
    }
    return (int) Math.max(1, needed);
  }

  /**
   * Room to measure data: for pairs that are compared with one another for whole batches, otherwise for what is worth running at once.
   *
   * @param together examples of one batch at most
   */
  static TaskProgram.Capacity evaluation(RecordedTask program, TokenizedData data, int together) {
    int each = program.sequencesPerExample();
    int needed = 0;
    int sources = 0;
    for (int from = 0; from < data.size(); from += together) {
      int sum = 0;
      for (int i = from; i < Math.min(data.size(), from + together); i++) {
        sum += data.tokens(i);
        needed = Math.max(needed, each > 1 ? sum : data.tokens(i));
        sources = Math.max(sources, data.sourceTokens(i));
      }
    }
    return new TaskProgram.Capacity(needed, together * each, data.longest(), true, 1, false, sources);
  }
}
