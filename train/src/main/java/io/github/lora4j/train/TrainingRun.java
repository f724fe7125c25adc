package io.github.lora4j.train;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.DrawnModules;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.train.language.TemplateFile;
import io.github.lora4j.train.recipe.AdapterTask;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.runs.Best;
import io.github.lora4j.train.runs.Fingerprint;
import io.github.lora4j.train.runs.Progress;
import io.github.lora4j.train.runs.Resume;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.train.runs.RunIdentity;
import io.github.lora4j.train.session.Evaluation;
import io.github.lora4j.train.session.FittingHead;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.sums.GradientExchange;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.TrainingException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * The training loop: optimizer steps, and evaluation, checkpoints and listeners between them. Everything random follows from the seed, so
 * a resumed run equals one that was never interrupted, bit for bit.
 */
public final class TrainingRun implements AutoCloseable {

  private static final String UNDER_ITS_ADAPTER = " and frozen under its adapter, and PEFT's files have no place for it there: this run's directory "
      + "draws it again from the seed, the adapter alone would go with another. Give to others what `lora4j merge` makes of the run, or leave it out "
      + "of target_modules";

  private final Recipe recipe;
  private final PreparedRun prepared;
  private final TrainingPlan plan;
  private final RunDirectory directory;
  private final List<TrainListener> listeners;
  private final Backend backend;
  private final Session session;
  private final Stepper stepper;
  private final SampledAnswers samples;
  private final RunIdentity identity;
  private final List<Value> kept;
  private final List<String> found = new ArrayList<>();
  private final Set<String> replaced = new HashSet<>();
  private volatile boolean stopping;
  private int done;
  private boolean evaluationDue;
  private @Nullable Best best;
  private int saved = -1;
  private long nanos;

  private TrainingRun(PreparedRun from, Resume resume, GradientExchange exchange, List<TrainListener> listeners) {
    recipe = from.recipe();
    this.listeners = List.copyOf(listeners);
    plan = TrainingPlan.of(from);
    directory = RunDirectory.open(recipe.output(), recipe.model(), resume);
    Backend opened = null;
    Session made = null;
    try {
      samples = SampledAnswers.of(from);
      opened = Backend.open(recipe.computing().backend(), recipe.computing().threads());
      prepared = Beforehand.of(from, recipe.output(), opened);
      Optional<LoadedAdapter> start = prepared.start();
      try (FittingHead base = FittingHead.open(prepared.directory(), prepared.program().model())) {
        base.replaced().ifPresent(replaced::add);
        Fingerprint weights = new Fingerprint(base);
        Session.Setup setup = new Session.Setup(prepared.program(), List.of(weights), plan.capacity(), recipe.computing().weightType(),
            recipe.training().seed(), start.map(LoadedAdapter::values), Optional.of(plan.optimizer()));
        made = Session.open(setup, prepared.adapter(), opened);
        identity = RunIdentity.of(recipe, inputs(weights), opened.arithmetic(), quantised(base));
      } finally {
        start.ifPresent(LoadedAdapter::close);
      }
      Session ready = made;
      kept = plan.hook().map(hook -> hook.state(ready.executable().program())).orElse(List.of());
      if (resume != Resume.NO) {
        resume(made, resume);
      }
      directory.claim();
      Beforehand.keep(prepared, recipe.output());
      directory.write(recipe);
    } catch (RuntimeException | Error e) {
      closeAll(made, opened, directory);
      throw e;
    }
    backend = opened;
    session = made;
    session.executable().progress(text -> tell(new TrainEvent.Note(text)));
    stepper = new Stepper(prepared, plan, session, exchange);
  }

  /** What the bits follow from beside the recipe, in words for people. */
  private static boolean quantised(Checkpoint base) {
    return base.names().stream().anyMatch(name -> base.info(name).dtype().isFloat() && !(base.stored(name) instanceof Elements));
  }

  private Map<String, String> inputs(Fingerprint weights) {
    return Map.of("steps (from epochs, max_steps and the data)", String.valueOf(plan.steps()),
        "the base model's config.json", "one with checksum %08x".formatted(prepared.directory().config().json().hashCode()),
        "the training data", "%s examples with checksum %x".formatted(prepared.train().size(), prepared.train().checksum()),
        "the base model's weights", "those with checksum " + weights.value());
  }

  @SuppressWarnings("ReferenceEquality") // A run that was stopped before its first step has progress, too.
  private void resume(Session session, Resume how) {
    Progress progress = directory.resume(session.executable(), kept, identity, how, found::add);
    if (progress != Progress.NONE) {
      plan.hook().ifPresent(hook -> hook.restore(progress.method()));
      done = progress.step();
      evaluationDue = progress.evaluationDue();
      best = progress.best().filter(of -> reports().best().asked() && of.metric().equals(reports().best().metric())).orElse(null);
      saved = done;
    }
  }

  /**
   * Reads model and data, compiles, and locks the output directory.
   *
   * @param resume continue from the newest checkpoint of the output directory, or start if there is none yet
   */
  public static TrainingRun open(Recipe recipe, boolean resume, TrainListener... listeners) {
    return open(PreparedRun.open(recipe), resume ? Resume.EXACTLY : Resume.NO, listeners);
  }

  /** The same with model and data that were prepared by the caller. */
  public static TrainingRun open(PreparedRun prepared, Resume resume, TrainListener... listeners) {
    return open(prepared, resume, GradientExchange.NONE, listeners);
  }

  /** The same as one of several workers, which differ in nothing but the exchange and the output directory. */
  public static TrainingRun open(PreparedRun prepared, Resume resume, GradientExchange exchange, TrainListener... listeners) {
    return new TrainingRun(prepared, resume, exchange, List.of(listeners));
  }

  /**
   * Makes {@link #train} save a checkpoint of the steps that are done, and end: at once, not after the step or evaluation at hand. For
   * other threads: Ctrl-C, a button.
   */
  public void stop() {
    stopping = true;
    session.stop();
  }

  /**
   * Trains to the end and writes the adapter.
   *
   * @throws CancellationException after {@link #stop}, once the checkpoint is written
   */
  public TrainEvent.Finished train() {
    tell(new TrainEvent.Started(describe(), plan.steps(), done, plan.batches().examples(), session.task().program().parameters().trainable()));
    found.forEach(this::note);
    drawn().forEach(this::note);
    prepared.notes().forEach(this::note);
    if (done == 0) {
      samples.before(session.executable().bytes(), backend).ifPresent(this::tell);
    }
    Map<String, Double> metrics = Map.of();
    while (done < plan.steps() && !enough() || evaluationDue) {
      if (!evaluationDue) {
        step();
      }
      if (evaluationDue) {
        Map<String, Double> of = evaluate();
        metrics = !reports().best().load() || best == null || best.step() == done ? of : metrics;
      }
      if (stopping && done < plan.steps()) {
        throw stopped();
      }
      if (reports().saveEvery() > 0 && done % reports().saveEvery() == 0 && done < plan.steps() && saved != done) {
        save();
      }
    }
    if (done < plan.steps()) {
      Best of = Objects.requireNonNull(best);
      note("ends after step %d of %d: in %d evaluations %s has not been better than %.4f, after step %d".formatted(done, plan.steps(), of.since(),
          of.metric(), of.value(), of.step()));
    }
    // The checkpoint first: should the adapter have no form to be saved in, nothing is lost.
    if (saved != done) {
      save();
    } else {
      directory.prune(done, reports().keepCheckpoints(), best == null ? -1 : best.step()); // The run was killed between its last checkpoint and this.
    }
    loadBest();
    writeAdapter();
    tell(new TrainEvent.Saved(done, directory.adapter()));
    samples.at(done, directory.adapter(), session.executable().bytes(), backend).ifPresent(this::tell);
    TrainEvent.Finished finished = new TrainEvent.Finished(done, nanos / 1e9, directory.adapter(), metrics);
    tell(finished);
    return finished;
  }

  /** Whether the evaluations have become no better for as long as the recipe waits. */
  private boolean enough() {
    int patience = reports().best().patience();
    return patience > 0 && best != null && best.since() >= patience;
  }

  /** Takes up the parameters of the best evaluation, if the recipe asks for them and they are not those of the last step. */
  private void loadBest() {
    Best of = best;
    if (reports().best().load() && of != null && of.step() != done) {
      Progress progress = directory.load(of.step(), session.executable(), kept, identity);
      plan.hook().ifPresent(hook -> hook.restore(progress.method()));
      note("the adapter is that of step %d, where %s was best: %.4f".formatted(of.step(), of.metric(), of.value()));
    }
  }

  private void writeAdapter() {
    try (AdapterValues values = session.trained()) {
      LoadedAdapter finished = plan.hook().isPresent() ? plan.hook().get().finish(values) : session.onUntouchedBase(values);
      try (LoadedAdapter whole = session.withDrawn(finished)) {
        AdapterTask task = AdapterTask.of(recipe);
        Map<String, String> beside = new LinkedHashMap<>(Map.of(PeftFormat.TASK, task.json()));
        TemplateFile.of(task).ifPresent(template -> beside.put(PeftFormat.TEMPLATE, template));
        PeftFormat.save(directory.adapter(), whole.adapter(), whole.values(), beside);
      }
    }
  }

  private void step() {
    long start = System.nanoTime();
    Stepper.Report report = stepper.step(done, () -> stopping).orElseThrow(this::stopped);
    nanos += System.nanoTime() - start;
    if (!report.finite()) {
      throw new TrainingException(("step %d: loss %s, gradient norm %s: not finite; the first such value came from %s. Nothing was updated by this "
          + "step; a lower optimizer.learning_rate or optimizer.max_grad_norm often helps").formatted(done + 1, report.loss(), report.gradientNorm(),
              stepper.nonFiniteSite(done)));
    }
    done++;
    report.notes().forEach(this::note);
    boolean last = done == plan.steps();
    boolean epochEnds = done % plan.batches().stepsPerEpoch() == 0 || last;
    evaluationDue = prepared.eval().isPresent() && (reports().evalEvery() > 0 ? done % reports().evalEvery() == 0 || last : epochEnds);
    if (done % reports().logEvery() == 0 || last || done == 1) {
      tell(new TrainEvent.Step(done, plan.steps(), epoch(), report.loss(), report.gradientNorm(), stepper.rate(done - 1), stepper.rates(done - 1),
          stepper.tokens(), stepper.examples(), nanos / 1e9));
      plan.hook().flatMap(hook -> hook.ranks(session.executable())).ifPresent(ranks ->
          tell(new TrainEvent.Ranks(done, ranks.budget(), ranks.ofModule(), ranks.penalty())));
    }
  }

  private Recipe.Reports reports() {
    return recipe.training().reports();
  }

  private double epoch() {
    return (double) done / plan.batches().stepsPerEpoch();
  }

  private Map<String, Double> evaluate() {
    long start = System.nanoTime();
    try {
      Map<String, Double> metrics = Evaluation.of(recipe.task(), recipe.data().labels(), prepared.program(), session,
          prepared.eval().orElseThrow(), recipe.training().batchSize());
      evaluationDue = false;
      tell(new TrainEvent.Evaluated(done, epoch(), metrics, (System.nanoTime() - start) / 1e9));
      compare(metrics);
      return metrics;
    } catch (Session.Stopped e) {
      throw stopped();
    }
  }

  /** Keeps the best evaluation in mind, and on disk where its adapter is asked for. */
  private void compare(Map<String, Double> metrics) {
    Recipe.BestModel asked = reports().best();
    if (asked.asked()) {
      Double value = metrics.get(asked.metric());
      if (value == null) {
        throw new ConfigException("metric_for_best_model is \"%s\", evaluations of task %s have %s".formatted(asked.metric(), recipe.task().name(),
            String.join(", ", metrics.keySet())));
      }
      Best now = best == null ? new Best(asked.metric(), done, value, 0) : best.and(done, value, asked.threshold());
      best = now;
      if (asked.load() && now.step() == done) {
        save();
      }
    }
  }

  /** Saves a checkpoint of the steps that are done. */
  private CancellationException stopped() {
    if (done == 0) {
      return new CancellationException("stopped before the first of %d steps was done".formatted(plan.steps()));
    }
    if (saved != done) {
      save();
    }
    return new CancellationException("stopped after step %d of %d".formatted(done, plan.steps()));
  }

  private void save() {
    Progress progress = new Progress(done, evaluationDue, Optional.ofNullable(best), plan.hook().map(hook -> hook.hostState()).orElse(Map.of()));
    tell(new TrainEvent.Saved(done, directory.save(session.executable(), kept, identity, progress, reports().keepCheckpoints())));
    saved = done;
  }

  /** Says which modules the model's files lack; of one that trains in place of another, the notes of the preparation tell. */
  private List<String> drawn() {
    Map<String, Boolean> modules = new TreeMap<>();
    session.drawn().forEach(name -> modules.merge(name.substring(0, name.lastIndexOf('.')),
        session.task().program().slot(name).orElseThrow().role() == Value.Role.TRAINABLE, Boolean::logicalAnd));
    return modules.entrySet().stream().filter(module -> !module.getValue() || !replaced.contains(module.getKey()))
        .map(module -> module.getKey() + " is not in the model: newly initialised" + (module.getValue() ? ", it trains"
            : DrawnModules.adapts(session.adapter(), module.getKey()) ? UNDER_ITS_ADAPTER : " and frozen; it is saved with the adapter")).toList();
  }

  private String describe() {
    long bytes = session.executable().bytes();
    return "%s%n%s%n%,d examples, %,d tokens; %d steps of %d examples%n%,d parameters train; %,d MB of native memory, %,d tokens a batch at most"
        .formatted(backend.describe(), prepared.describe(), plan.batches().examples(), prepared.train().tokens(), plan.steps(),
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

  private void note(String text) {
    tell(new TrainEvent.Note(text));
  }

  private void tell(TrainEvent event) {
    listeners.forEach(listener -> listener.on(event));
  }

  private static void closeAll(@Nullable AutoCloseable... resources) {
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
    closeAll(stepper, session, backend, directory);
  }
}
