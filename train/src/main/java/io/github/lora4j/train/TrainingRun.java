package io.github.lora4j.train;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.AdapterValues;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.ParameterGroup;
import io.github.lora4j.lora.PeftFormat;
import io.github.lora4j.lora.StepHook;
import io.github.lora4j.train.data.Batches;
import io.github.lora4j.vector.TrainingException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;

/**
 * The training loop: micro-batches are packed and accumulated, then one optimizer step; evaluation, checkpoints and listeners
 * between steps. Everything random follows from the seed, so a resumed run equals one that was never interrupted, bit for bit.
 */
public final class TrainingRun implements AutoCloseable {

  private final Recipe recipe;
  private final PreparedRun prepared;
  private final RunDirectory directory;
  private final List<TrainListener> listeners;
  private final Backend backend;
  private final Session session;
  private final Batches batches;
  private final Schedule schedule;
  private final Packer packer;
  private final Value hyper;
  private final Value report;
  private final float[] hyperValues;
  private final List<ParameterGroup> groups;
  private final Optional<StepHook> hook;
  private final int steps;
  private volatile boolean stopping;
  private int done;
  private long tokens;
  private long examples;
  private long nanos;

  private TrainingRun(PreparedRun prepared, boolean resume, List<TrainListener> listeners) {
    this.prepared = prepared;
    recipe = prepared.recipe();
    this.listeners = List.copyOf(listeners);
    TrainingPlan plan = TrainingPlan.of(prepared);
    batches = plan.batches();
    steps = plan.steps();
    schedule = plan.schedule();
    groups = prepared.adapter().groups();
    hook = plan.hook();
    directory = RunDirectory.open(recipe.output(), resume);
    Backend opened = null;
    Session made = null;
    try {
      opened = Backend.open(recipe.computing().backend(), recipe.computing().threads());
      Optional<LoadedAdapter> start = prepared.start();
      try (Checkpoint base = FittingHead.open(prepared.directory(), prepared.program().model())) {
        made = Session.open(prepared.program(), List.of(base), prepared.adapter(), start.map(LoadedAdapter::values), plan.capacity(),
            Optional.of(plan.optimizer()), opened, recipe.computing().weightType(), recipe.training().seed());
      } finally {
        start.ifPresent(LoadedAdapter::close);
      }
      done = resume ? directory.resume(made.executable(), essentials(), hook).orElse(0) : 0;
      directory.write(recipe);
    } catch (RuntimeException | Error e) {
      closeAll(made, opened, directory);
      throw e;
    }
    backend = opened;
    session = made;
    session.executable().progress(text -> tell(new TrainEvent.Note(text)));
    packer = new Packer(prepared.program(), session);
    hyper = session.task().program().slot(TaskProgram.HYPER).orElseThrow();
    report = session.task().program().slot(TaskProgram.REPORT).orElseThrow();
    hyperValues = new float[hyper.shape().cols()];
  }

  /**
   * Reads model and data, compiles, and locks the output directory.
   *
   * @param resume continue from the newest checkpoint of the output directory, or start if there is none
   */
  public static TrainingRun open(Recipe recipe, boolean resume, TrainListener... listeners) {
    return open(PreparedRun.open(recipe), resume, listeners);
  }

  /** The same with model and data that were prepared by the caller. */
  public static TrainingRun open(PreparedRun prepared, boolean resume, TrainListener... listeners) {
    return new TrainingRun(prepared, resume, List.of(listeners));
  }

  /** What must not change for a checkpoint to be continued. */
  private Map<String, String> essentials() {
    Map<String, String> e = new LinkedHashMap<>();
    e.put("model", String.valueOf(prepared.directory().config().json().hashCode()));
    e.put("task", recipe.task().name() + " " + TaskKeys.described(recipe.task()));
    e.put("train data", prepared.train().size() + " examples, checksum " + Long.toHexString(prepared.train().checksum()));
    e.put("method", recipe.adapter().method());
    e.put("adapter", new TreeMap<>(recipe.adapter().settings()).toString());
    if (!recipe.adapter().startFrom().isEmpty()) {
      e.put("start_from", recipe.adapter().startFrom());
    }
    e.put("optimizer", recipe.training().optimizer().toString());
    e.put("steps", String.valueOf(steps));
    e.put("batch_size", String.valueOf(recipe.training().batchSize()));
    e.put("gradient_accumulation", String.valueOf(recipe.training().gradientAccumulation()));
    e.put("max_tokens", String.valueOf(recipe.computing().maxTokens()));
    e.put("seed", String.valueOf(recipe.training().seed()));
    e.put("weights", recipe.computing().weights());
    return e;
  }

  /** Makes {@link #train} save a checkpoint after the step it is at, and end. For other threads: Ctrl-C, a button. */
  public void stop() {
    stopping = true;
  }

  /**
   * Trains to the end and writes the adapter.
   *
   * @throws CancellationException after {@link #stop}, once the checkpoint is written
   */
  public TrainEvent.Finished train() {
    tell(new TrainEvent.Started(describe(), steps, done, batches.examples(), session.task().program().parameters().trainable()));
    drawn().forEach(note -> tell(new TrainEvent.Note(note)));
    prepared.notes().forEach(note -> tell(new TrainEvent.Note(note)));
    Map<String, Double> metrics = Map.of();
    int[] order = new int[0];
    int orderEpoch = -1;
    while (done < steps) {
      int epoch = done / batches.stepsPerEpoch();
      if (epoch != orderEpoch) {
        order = batches.order(epoch);
        orderEpoch = epoch;
      }
      long start = System.nanoTime();
      step(order, done % batches.stepsPerEpoch());
      done++;
      nanos += System.nanoTime() - start;
      afterStep(order);
      boolean epochEnds = done % batches.stepsPerEpoch() == 0 || done == steps;
      if (prepared.eval().isPresent() && (recipe.training().reports().evalEvery() > 0 ? done % recipe.training().reports().evalEvery() == 0 || done == steps : epochEnds)) {
        metrics = evaluate();
      }
      boolean stops = stopping && done < steps;
      if (stops || recipe.training().reports().saveEvery() > 0 && done % recipe.training().reports().saveEvery() == 0 && done < steps) {
        save();
      }
      if (stops) {
        throw new CancellationException("stopped after step %d of %d".formatted(done, steps));
      }
    }
    // The checkpoint first: should the adapter have no form to be saved in, nothing is lost.
    directory.save(session.executable(), done, essentials(), recipe.training().reports().keepCheckpoints(), hook);
    try (AdapterValues values = session.adapterValues()) {
      LoadedAdapter finished = hook.isPresent() ? hook.get().finish(values) : session.onUntouchedBase(values);
      try (LoadedAdapter saved = session.withDrawn(finished)) {
        PeftFormat.save(directory.adapter(), saved.adapter(), saved.values(), AdapterTask.of(recipe).json());
      }
    }
    tell(new TrainEvent.Saved(done, directory.adapter()));
    TrainEvent.Finished finished = new TrainEvent.Finished(done, nanos / 1e9, directory.adapter(), metrics);
    tell(finished);
    return finished;
  }

  /** Says which modules the model's files lack. */
  private List<String> drawn() {
    Map<String, Boolean> modules = new TreeMap<>();
    session.drawn().forEach(name -> modules.merge(name.substring(0, name.lastIndexOf('.')),
        session.task().program().slot(name).orElseThrow().role() == Value.Role.TRAINABLE, Boolean::logicalAnd));
    return modules.entrySet().stream().map(module -> module.getKey() + " is not in the model: newly initialised" + (module.getValue() ? ", it trains"
        : " and frozen; it is saved with the adapter")).toList();
  }

  private void save() {
    tell(new TrainEvent.Saved(done, directory.save(session.executable(), done, essentials(), recipe.training().reports().keepCheckpoints(), hook)));
  }

  private void step(int[] order, int stepInEpoch) {
    session.prepare();
    for (int micro = 0; micro < batches.microBatches(stepInEpoch); micro++) {
      forEachPack(order, batches.from(stepInEpoch, micro), batches.to(stepInEpoch, micro), () -> session.executable().run("accumulate"));
    }
    double factor = schedule.factor(done);
    Recipe.Optimizer o = recipe.training().optimizer();
    for (int g = 0; g < groups.size(); g++) {
      hyperValues[g] = (float) (groups.get(g).rate(o.learningRate()) * factor);
    }
    hyperValues[groups.size()] = (float) (1 - Math.pow(o.moments().beta1(), done + 1));
    hyperValues[groups.size() + 1] = (float) (1 - Math.pow(o.moments().beta2(), done + 1));
    session.executable().write(hyper, hyperValues, hyperValues.length);
    session.executable().run("apply");
    if (hook.isPresent()) {
      if (finite(session.executable().floats(report))) {
        hook.get().afterUpdate(session.executable(), done + 1).forEach(note -> tell(new TrainEvent.Note(note)));
      }
      session.executable().run(TaskProgram.CLEAR);
    }
  }

  private static boolean finite(float[] report) {
    return Float.isFinite(report[0]) && Float.isFinite(report[1]);
  }

  /** Packs positions [from, to) of the order; what does not fit at once goes into further packs of the same step. */
  private void forEachPack(int[] order, int from, int to, Runnable run) {
    for (int at = from; at < to;) {
      int first = at;
      at = packer.fill(prepared.train(), order, first, to, recipe.training().seed(), done);
      run.run();
      tokens += packer.tokens();
      examples += at - first;
    }
  }

  private void afterStep(int[] order) {
    float[] values = session.executable().floats(report);
    if (!finite(values)) {
      stopNotFinite(order, values);
    }
    if (done % recipe.training().reports().logEvery() == 0 || done == steps || done == 1) {
      tell(new TrainEvent.Step(done, steps, (double) done / batches.stepsPerEpoch(), values[0], values[1],
          groups.getFirst().rate(recipe.training().optimizer().learningRate()) * schedule.factor(done - 1), rates(schedule.factor(done - 1)), tokens, examples, nanos / 1e9));
      hook.flatMap(h -> h.ranks(session.executable())).ifPresent(ranks ->
          tell(new TrainEvent.Ranks(done, ranks.budget(), ranks.ofModule(), ranks.penalty())));
    }
  }

  private Map<String, Double> rates(double factor) {
    Map<String, Double> rates = new LinkedHashMap<>();
    for (int g = 0; g < groups.size(); g++) {
      int group = g;
      if (session.task().program().parameters().ranges().stream().anyMatch(range -> range.group() == group)) {
        rates.put(groups.get(g).name(), groups.get(g).rate(recipe.training().optimizer().learningRate()) * factor);
      }
    }
    return rates;
  }

  /** Runs the step's packs once more, op by op, to find where the first value that is not finite comes from. */
  private void stopNotFinite(int[] order, float[] values) {
    done--;
    int stepInEpoch = done % batches.stepsPerEpoch();
    String[] site = new String[1];
    for (int micro = 0; micro < batches.microBatches(stepInEpoch); micro++) {
      forEachPack(order, batches.from(stepInEpoch, micro), batches.to(stepInEpoch, micro), () -> {
        if (site[0] == null) {
          site[0] = session.executable().findNonFinite("accumulate").orElse(null);
        }
      });
    }
    throw new TrainingException("step %d: loss %s, gradient norm %s: not finite; the first such value came from %s. Nothing was updated by this step; a lower optimizer.learning_rate or optimizer.max_grad_norm often helps"
        .formatted(done + 1, values[0], values[1], site[0] == null ? "the sum of gradients (they overflow)" : site[0]));
  }

  private Map<String, Double> evaluate() {
    long start = System.nanoTime();
    Map<String, Double> metrics = Evaluation.of(recipe.task(), prepared.program(), session, prepared.eval().orElseThrow(),
        recipe.training().batchSize());
    tell(new TrainEvent.Evaluated(done, (double) done / batches.stepsPerEpoch(), metrics, (System.nanoTime() - start) / 1e9));
    return metrics;
  }

  private String describe() {
    long bytes = session.executable().bytes();
    return "%s%n%s%n%,d examples, %,d tokens; %d steps of %d examples%n%,d parameters train; %,d MB of native memory, %,d tokens a batch at most"
        .formatted(backend.describe(), prepared.describe(), batches.examples(), prepared.train().tokens(), steps,
            recipe.training().batchSize() * recipe.training().gradientAccumulation(), session.task().program().parameters().trainable(), bytes >> 20,
            session.task().in().tokens().capacity());
  }

  /** The compiled task, for predictions after training. */
  public Session session() {
    return session;
  }

  /** Model and data of this run. */
  public PreparedRun prepared() {
    return prepared;
  }

  private void tell(TrainEvent event) {
    listeners.forEach(listener -> listener.on(event));
  }

  private static void closeAll(AutoCloseable... resources) {
    for (AutoCloseable resource : resources) {
      if (resource != null) {
        try {
          resource.close();
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
      }
    }
  }

  @Override
  public void close() {
    closeAll(session, backend, directory);
  }
}
