package io.github.lora4j.train.session;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * A task with its adapter as a program. Entries: "predict" (no dropout); with room for targets "evaluate" (no dropout, loss sum); and for
 * training "accumulate" (forward, loss sum, backward into gradient sums) and "apply" (one optimizer step over all sums).
 *
 * @param predictions output "predictions" of "predict", one row per sequence
 * @param evaluated outputs of "evaluate"
 */
public record TaskProgram(Program program, PackedInputs in, Value predictions, Optional<Evaluated> evaluated) {

  /** The entry that measures. */
  public static final String EVALUATE = "evaluate";

  /**
   * What "evaluate" computes.
   *
   * @param judged the rows that the loss judges
   * @param rowLoss the loss of each
   * @param count state to which the entry adds how many targets it counted
   */
  public record Evaluated(Value judged, Value rowLoss, Value count) {}

  /** What names of regions begin with that are one layer of a model each. */
  private static final String LAYERS = "layer.";

  /** Names of the slots the trainer writes and reads. */
  public static final String HYPER = "hyper";
  /** The entry that clears gradients after the adapter's step hook; there only where the adapter has one. */
  public static final String CLEAR = "clear";
  /** (mean loss, gradient norm, factor from gradient sums to gradients) of the last step. */
  public static final String REPORT = "report";

  /**
   * What a program has room for; virtual tokens of an adapter come on top.
   *
   * @param tokens tokens of one batch
   * @param sequences sequences of one batch
   * @param maxLength tokens of one sequence
   * @param evaluates whether there is room for the targets of an evaluation
   * @param microBatches of a step, whose sums lie beside the program
   * @param recomputes whether there is no room for what layers compute until their gradients are due, so that they compute it again
   * @param sourceTokens tokens of the sources that the texts of one batch are made from; 0 where they are made from none
   */
  public record Capacity(int tokens, int sequences, int maxLength, boolean evaluates, int microBatches, boolean recomputes, int sourceTokens) {

    /** For steps of one micro-batch, with room for what all layers compute. */
    public Capacity(int tokens, int sequences, int maxLength, boolean evaluates) {
      this(tokens, sequences, maxLength, evaluates, 1, false, 0);
    }

    /** Without evaluation. */
    public Capacity(int tokens, int sequences, int maxLength) {
      this(tokens, sequences, maxLength, false);
    }

    /** The tokens in words: "512", or "64 and 512 of sources". */
    public String room() {
      return sourceTokens > 0 ? "%,d and %,d of sources".formatted(tokens, sourceTokens) : "%,d".formatted(tokens);
    }

    /** The same with room for this many tokens, and as many of sources where there are any, if it has less. */
    public Capacity atLeast(int room) {
      return new Capacity(Math.max(room, tokens), sequences, maxLength, evaluates, microBatches, recomputes, sourceTokens > 0 ? Math.max(room,
          sourceTokens) : 0);
    }

    /** The same with or without room for what all layers compute. */
    public Capacity recomputing(boolean again) {
      return new Capacity(tokens, sequences, maxLength, evaluates, microBatches, again, sourceTokens);
    }
  }

  /** Supplies the first value of parameters. */
  public interface ParameterSource {
    /** Fills {@code target} with {@code parameter}, in rows of the format, if this source has it. */
    boolean read(Value parameter, WeightFormat as, MemorySegment target);
  }

  /** Records the program with nothing that trains. */
  public static TaskProgram record(RecordedTask task, Adapter hooks, Capacity capacity) {
    ProgramBuilder builder = new ProgramBuilder();
    return finish(task, hooks, capacity, builder, inputs(task, hooks, capacity, builder));
  }

  /** Records the program with the steps of an optimizer. */
  public static TaskProgram record(RecordedTask task, Adapter hooks, Capacity capacity, OptimizerSpec optimizer) {
    ProgramBuilder builder = new ProgramBuilder();
    PackedInputs in = inputs(task, hooks, capacity, builder);
    Graph graph = builder.entry("accumulate");
    if (capacity.recomputes) {
      graph.recompute(LAYERS);
    }
    Value lossSum = builder.state("lossSum", Shape.vector(1));
    Value count = builder.state("count", Shape.vector(1));
    Value rowLoss = task.loss(graph, in, task.judged(new Sites(graph, hooks, in.randomness()), in));
    graph.addSum(rowLoss, lossSum);
    task.countTargets(graph, in, count);
    graph.backward(rowLoss);
    int groups = optimizer.decay().size();
    Graph apply = builder.entry("apply");
    Value report = builder.state(REPORT, Shape.vector(3));
    hooks.recordBeforeUpdate(apply, count);
    apply.update(optimizer, builder.input(HYPER, Shape.vector(groups + 2)), lossSum, count, report);
    // What an adapter looks at after the update must still be there: see StepHook.
    (hooks.recordAfterUpdate(builder, report) ? builder.entry(CLEAR) : apply).clearGradients(lossSum, count);
    return finish(task, hooks, capacity, builder, in);
  }

  private static PackedInputs inputs(RecordedTask task, Adapter hooks, Capacity capacity, ProgramBuilder builder) {
    return PackedInputs.declare(builder, capacity.tokens + hooks.virtualTokens().rows() * capacity.sequences,
        capacity.sequences, new PackedInputs.Limits(capacity.maxLength + hooks.virtualTokens().total(),
            task.model().architecture().firstPosition(), task.model().architecture().vocabSize(), capacity.sourceTokens));
  }

  private static TaskProgram finish(RecordedTask task, Adapter hooks, Capacity capacity, ProgramBuilder builder, PackedInputs in) {
    Optional<Evaluated> evaluated = capacity.evaluates ? Optional.of(evaluation(task, hooks, builder, in)) : Optional.empty();
    Graph predict = builder.entry("predict");
    Value predictions = predict.output("predictions", task.predict(new Sites(predict, hooks), in));
    hooks.recordPrepare(builder);
    return new TaskProgram(builder.build(), in, predictions, evaluated);
  }

  private static Evaluated evaluation(RecordedTask task, Adapter hooks, ProgramBuilder builder, PackedInputs in) {
    Graph graph = builder.entry(EVALUATE);
    Value judged = graph.output("judged", task.judged(new Sites(graph, hooks), in));
    Value rowLoss = graph.output("rowLoss", task.loss(graph, in, judged));
    Value count = builder.state("evaluated", Shape.vector(1));
    task.countTargets(graph, in, count);
    return new Evaluated(judged, rowLoss, count);
  }

  /** Fills every frozen and trainable parameter of a compiled program from the first source that has it. */
  public static void load(Executable executable, List<ParameterSource> sources) {
    List<Value> parameters = executable.program().slots().values().stream()
        .filter(v -> v.role() == Value.Role.FROZEN || v.role() == Value.Role.TRAINABLE).sorted(Comparator.comparingInt(Value::id)).toList();
    // An embedding table may be a quarter of a model, so what can be read to where it stays is.
    long largest = parameters.stream().filter(v -> executable.place(v).isEmpty()).mapToLong(v -> bytes(executable, v)).max().orElse(0);
    try (Memory staging = new Memory("loading weights")) {
      MemorySegment buffer = staging.allocate(largest, "the largest weight");
      for (Value parameter : parameters) {
        long bytes = bytes(executable, parameter);
        MemorySegment target = executable.place(parameter).orElseGet(() -> buffer.asSlice(0, bytes));
        float[] constant = executable.program().constants().get(parameter.name());
        if (constant != null) {
          executable.write(parameter, constant, constant.length);
          continue;
        }
        boolean found = false;
        for (ParameterSource source : sources) {
          if (source.read(parameter, executable.format(parameter), target)) {
            found = true;
            break;
          }
        }
        if (!found) {
          throw new FormatException("no source has a value for " + parameter);
        }
        executable.write(parameter, target);
      }
    }
    executable.arenaWritten(Executable.Arena.PARAMETERS);
  }

  private static long bytes(Executable executable, Value parameter) {
    return parameter.shape().rows() * WeightFormats.rowBytes(executable.format(parameter), parameter.shape().cols());
  }
}
