package io.github.lora4j.train;

import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.parameters.ParameterGroup;
import io.github.lora4j.train.data.Batches;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.session.Packer;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.train.sums.GradientExchange;
import io.github.lora4j.train.sums.GradientSums;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Optimizer steps: packs the examples of each into batches, accumulates their gradients and updates. */
final class Stepper implements AutoCloseable {

  private final Recipe.Training training;
  private final TokenizedData train;
  private final TrainingPlan plan;
  private final Batches batches;
  private final Session session;
  private final List<ParameterGroup> groups;
  private final Packer packer;
  private final Value hyper;
  private final Value report;
  private final float[] hyperValues;
  private final GradientExchange exchange;
  /** None where an update has one micro-batch at most, and nothing is summed. */
  private final @Nullable GradientSums sums;
  private final Runnable accumulate;
  private int[] order = {};
  private int orderEpoch = -1;
  private long tokens;
  private long examples;

  Stepper(PreparedRun run, TrainingPlan plan, Session session, GradientExchange exchange) {
    this.exchange = exchange;
    training = run.recipe().training();
    this.plan = plan;
    this.session = session;
    train = run.train();
    batches = plan.batches();
    groups = run.adapter().groups();
    packer = new Packer(run.program(), session);
    hyper = session.task().program().slot(TaskProgram.HYPER).orElseThrow();
    report = session.task().program().slot(TaskProgram.REPORT).orElseThrow();
    hyperValues = new float[hyper.shape().cols()];
    accumulate = () -> session.executable().run("accumulate");
    sums = summed(batches.accumulation()) ? new GradientSums(session.executable(), batches.accumulation(), exchange == GradientExchange.NONE)
        : null;
  }

  /** Tokens packed so far. */
  long tokens() {
    return tokens;
  }

  /** Examples packed so far. */
  long examples() {
    return examples;
  }

  /**
   * Makes one step.
   *
   * @param done steps done before
   * @param stop asked between micro-batches
   * @return what it came to; empty if it was stopped before the update, which leaves everything but gradients as it was
   */
  Optional<Report> step(int done, BooleanSupplier stop) {
    orderFor(done);
    int stepInEpoch = done % batches.stepsPerEpoch();
    session.prepare();
    int all = batches.microBatches(stepInEpoch);
    for (int micro = exchange.from(done, all); micro < exchange.to(done, all); micro++) {
      if (stop.getAsBoolean()) {
        return Optional.empty();
      }
      if (summed(all)) {
        sums().before();
      }
      forEachPack(stepInEpoch, micro, done, accumulate);
      if (summed(all)) {
        sums().after(micro);
      }
    }
    if (summed(all)) {
      sums().finish(exchange, done);
    }
    double factor = plan.schedule().factor(done);
    Recipe.Optimizer o = training.optimizer();
    for (int g = 0; g < groups.size(); g++) {
      hyperValues[g] = (float) (groups.get(g).rate(o.learningRate()) * factor);
    }
    hyperValues[groups.size()] = (float) (1 - Math.pow(o.moments().beta1(), done + 1));
    hyperValues[groups.size() + 1] = (float) (1 - Math.pow(o.moments().beta2(), done + 1));
    session.executable().write(hyper, hyperValues, hyperValues.length);
    session.executable().run("apply");
    float[] values = session.executable().floats(report);
    boolean finite = Float.isFinite(values[0]) && Float.isFinite(values[1]);
    List<String> notes = List.of();
    if (plan.hook().isPresent()) {
      notes = finite ? plan.hook().get().afterUpdate(session.executable(), done + 1) : notes;
      session.executable().run(TaskProgram.CLEAR);
    }
    return Optional.of(new Report(values[0], values[1], finite, notes));
  }

  /**
   * What a step came to.
   *
   * @param gradientNorm before clipping
   * @param finite whether both are, and the step was an update
   * @param notes what the method tells
   */
  record Report(float loss, float gradientNorm, boolean finite, List<String> notes) {}

  /** Whether a step's sum is made of parts; one micro-batch of one worker is the sum itself. */
  private boolean summed(int microBatches) {
    return microBatches > 1 || exchange != GradientExchange.NONE;
  }

  private void orderFor(int done) {
    int epoch = done / batches.stepsPerEpoch();
    if (epoch != orderEpoch) {
      order = batches.order(epoch);
      orderEpoch = epoch;
    }
  }

  /** Packs the examples of a micro-batch; what does not fit at once goes into further packs. */
  private void forEachPack(int stepInEpoch, int micro, int done, Runnable run) {
    int to = batches.to(stepInEpoch, micro);
    packer.together(train, order, batches.from(stepInEpoch, micro), to);
    for (int at = batches.from(stepInEpoch, micro); at < to;) {
      int first = at;
      at = packer.fill(train, order, first, to, training.seed(), done);
      run.run();
      tokens += packer.tokens();
      examples += at - first;
    }
  }

  /** The learning rate of the first parameter group in a step, given the steps done before it. */
  double rate(int done) {
    return groups.getFirst().rate(training.optimizer().learningRate()) * plan.schedule().factor(done);
  }

  /** The same of every group that has parameters, by its name. */
  Map<String, Double> rates(int done) {
    Map<String, Double> rates = new LinkedHashMap<>();
    for (int g = 0; g < groups.size(); g++) {
      int group = g;
      if (session.task().program().parameters().ranges().stream().anyMatch(range -> range.group() == group)) {
        rates.put(groups.get(g).name(), groups.get(g).rate(training.optimizer().learningRate()) * plan.schedule().factor(done));
      }
    }
    return rates;
  }

  /** Runs a step's packs once more, op by op, to find where the first value that is not finite comes from. */
  String nonFiniteSite(int done) {
    orderFor(done);
    int stepInEpoch = done % batches.stepsPerEpoch();
    String[] site = new String[1];
    for (int micro = 0; micro < batches.microBatches(stepInEpoch); micro++) {
      forEachPack(stepInEpoch, micro, done, () -> {
        if (site[0] == null) {
          site[0] = session.executable().findNonFinite("accumulate").orElse(null);
        }
      });
    }
    return site[0] == null ? "the sum of gradients (they overflow)" : site[0];
  }

  private GradientSums sums() {
    return Objects.requireNonNull(sums, "made where updates are summed");
  }

  @Override
  public void close() {
    if (sums != null) {
      sums.close();
    }
  }
}
