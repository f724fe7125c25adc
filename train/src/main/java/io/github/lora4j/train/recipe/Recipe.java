package io.github.lora4j.train.recipe;

import io.github.lora4j.models.WeightStorage;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.tasks.TrainingTask;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * All settings of a fine-tuning run, validated. A YAML file, command-line options and {@link #builder} give the same record; the
 * names are those of the YAML keys.
 *
 * @param model directory of the base model
 * @param output directory of the run: adapter, checkpoints, metrics
 * @param task what is learnt, with its own settings
 * @param data files and columns
 * @param adapter what is trained
 * @param training how it is trained
 * @param computing on what
 */
public record Recipe(Path model, Path output, TrainingTask task, Data data, AdapterChoice adapter, Training training, Computing computing) {

  /**
   * Where the text comes from.
   *
   * @param labels class names in the order of their ids; empty: as found in the training data, sorted
   * @param maxLength tokens after which a text is cut; 0: what the model was made for
   */
  public record Data(Optional<Path> train, Optional<Path> eval, DataSpec columns, List<String> labels, int maxLength) {}

  /**
   * The adapter.
   *
   * @param method "lora"
   * @param settings the method's, under PEFT's names: r, lora_alpha, target_modules, ...
   * @param startFrom directory of a trained adapter, or of a run, to go on from; empty: a new adapter
   */
  public record AdapterChoice(String method, Map<String, Object> settings, String startFrom) {
    /** Copies the settings. */
    public AdapterChoice {
      settings = Map.copyOf(settings);
    }
  }

  /**
   * The training loop.
   *
   * @param optimizer update rule, rates and clipping
   * @param epochs passes over the training data, when maxSteps is 0
   * @param maxSteps optimizer steps; 0: by epochs
   * @param batchSize examples of one forward pass
   * @param gradientAccumulation forward passes of one optimizer step
   * @param seed of shuffling, dropout and initialisation
   * @param reports what happens between steps
   */
  public record Training(Optimizer optimizer, double epochs, int maxSteps, int batchSize, int gradientAccumulation, long seed, Reports reports) {}

  /**
   * The optimizer.
   *
   * @param name "adamw", "adam" (weight decay in the gradient), "amsgrad" (AdamW that divides by the largest second moment so far),
   *     "lorafa" (LoRA-FA: A stays as drawn, B's gradient is preconditioned; method lora only) or "sgd" (momentum = beta1)
   * @param maxGradNorm 0 does not clip
   */
  public record Optimizer(String name, double learningRate, double weightDecay, Moments moments, double maxGradNorm, Warmup schedule) {

    /** As checkpoints hold it, to be compared when a run is resumed. */
    @Override
    public String toString() {
      return ("Optimizer[name=%s, learningRate=%s, weightDecay=%s, beta1=%s, beta2=%s, eps=%s, maxGradNorm=%s, schedule=%s, warmupSteps=%s, "
          + "warmupRatio=%s]").formatted(name, learningRate, weightDecay, moments.beta1, moments.beta2, moments.eps, maxGradNorm, schedule.kind,
          schedule.steps, schedule.ratio);
    }
  }

  /** Adam's decay rates of the first and second moment, and what is added to the root of the second. */
  public record Moments(double beta1, double beta2, double eps) {}

  /**
   * How the learning rate moves.
   *
   * @param ratio share of all steps that are warm-up, used when steps is 0
   * @param decay what only some kinds need
   */
  public record Warmup(Schedule.Kind kind, int steps, double ratio, Schedule.Decay decay) {}

  /**
   * Reports, evaluations and checkpoints.
   *
   * @param logEvery steps between reports of the loss
   * @param evalEvery steps between evaluations; 0: after each epoch
   * @param saveEvery steps between checkpoints; 0: only at the end
   * @param keepCheckpoints how many checkpoints stay on disk
   * @param best what becomes of the best evaluation
   * @param samples answers before and after training
   */
  public record Reports(int logEvery, int evalEvery, int saveEvery, int keepCheckpoints, BestModel best, Samples samples) {}

  /**
   * What the evaluations decide.
   *
   * @param load whether the adapter is that of the best evaluation, not of the last step
   * @param metric what is compared
   * @param patience evaluations without a better one after which the run ends; 0: it never ends early
   * @param threshold by how much a better one must be better
   */
  public record BestModel(boolean load, String metric, int patience, double threshold) {

    /** Whether evaluations decide anything. */
    public boolean asked() {
      return load || patience > 0;
    }
  }

  /**
   * Questions that the model answers before the first step and after the last one.
   *
   * @param count how many of the evaluation data's
   * @param prompts questions instead of those
   * @param tokens of an answer at most
   */
  public record Samples(int count, List<String> prompts, int tokens) {
    /** Copies the list. */
    public Samples {
      prompts = List.copyOf(prompts);
    }
  }

  /** What is computed again instead of kept. */
  public enum Recompute {
    /** Nothing: everything that a gradient reads is kept. */
    NONE,
    /** The layers of the model: of each but the last its input alone is kept. */
    LAYERS;

    /** The name in recipes. */
    public String key() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * The machine.
   *
   * @param threads worker threads; 0: all processors
   * @param backend what computes: "cpu", "opencl", "ptx", "cuda", with a device's number as in "opencl:1", or "auto"; see {@link
   *     io.github.lora4j.graph.Backend#open}
   * @param weights storage of the frozen weights: "stored", "f32", "bf16", "f16", or another format's name; see {@link WeightStorage}
   * @param maxTokens most tokens of one forward pass; a batch above it is split, with the same result; 0: whatever the longest batch needs
   * @param recompute what is computed again when its gradients are due, with the same result, and not kept until then
   */
  public record Computing(int threads, String backend, String weights, int maxTokens, Recompute recompute) {

    /** Storage of frozen weights. */
    public WeightStorage weightType() {
      return WeightStorage.named(weights);
    }
  }

  /** Checks everything and reports all problems at once. */
  public Recipe {
    RecipeChecks.raise(RecipeChecks.problems(task, data, adapter, training, computing));
  }

  /** The same recipe with its task and data as the model and the training data settle them. */
  public Recipe settled(TrainingTask settledTask, List<String> labels, int maxLength) {
    return new Recipe(model, output, settledTask, new Data(data.train, data.eval, data.columns, labels, maxLength), adapter, training, computing);
  }

  /** These settings with absolute paths, for a run to be repeated from anywhere. */
  public RecipeBuilder toBuilder() {
    RecipeBuilder b = new RecipeBuilder();
    b.put("model", model.toAbsolutePath().toString()).put("output", output.toAbsolutePath().toString()).put("task", task.name());
    TaskKeys.values(task).forEach(b::put);
    data.train.ifPresent(file -> b.put("data.train", file.toAbsolutePath().toString()));
    data.eval.ifPresent(file -> b.put("data.eval", file.toAbsolutePath().toString()));
    data.columns.format().ifPresent(format -> b.put("data.format", format));
    b.put("data.text", data.columns.text());
    data.columns.textPair().ifPresent(column -> b.put("data.text_pair", column));
    data.columns.label().ifPresent(column -> b.put("data.label", column));
    data.columns.typed().ifPresent(typed -> b.put("data.columns", typed.columns()).put("data.roles", typed.roles()));
    b.put("data.labels", data.labels).put("data.limit", data.columns.limit()).put("data.max_length", data.maxLength);
    b.put("method", adapter.method);
    if (!adapter.startFrom.isEmpty()) {
      b.put("start_from", Path.of(adapter.startFrom).toAbsolutePath().toString());
    }
    adapter.settings.forEach((key, value) -> b.put("adapter." + key, value));
    Optimizer o = training.optimizer;
    b.put("optimizer.name", o.name).put("optimizer.learning_rate", o.learningRate).put("optimizer.weight_decay", o.weightDecay)
        .put("optimizer.beta1", o.moments.beta1).put("optimizer.beta2", o.moments.beta2).put("optimizer.eps", o.moments.eps)
        .put("optimizer.max_grad_norm", o.maxGradNorm).put("optimizer.schedule", o.schedule.kind.key())
        .put("optimizer.warmup_steps", o.schedule.steps).put("optimizer.warmup_ratio", o.schedule.ratio);
    // Only what is set: checkpoints of before these keys lack them.
    Map.of("min_lr", o.schedule.decay.minLr(), "min_lr_rate", o.schedule.decay.minLrRate()).forEach((key, value) -> {
      if (value != 0) {
        b.put("optimizer." + key, value);
      }
    });
    if (o.schedule.decay.numDecaySteps() != 0) {
      b.put("optimizer.num_decay_steps", o.schedule.decay.numDecaySteps());
    }
    b.put("epochs", training.epochs).put("max_steps", training.maxSteps).put("batch_size", training.batchSize)
        .put("gradient_accumulation", training.gradientAccumulation).put("seed", training.seed);
    b.put("log_every", training.reports.logEvery).put("eval_every", training.reports.evalEvery).put("save_every", training.reports.saveEvery)
        .put("keep_checkpoints", training.reports.keepCheckpoints).put("load_best_model_at_end", training.reports.best.load)
        .put("metric_for_best_model", training.reports.best.metric).put("early_stopping_patience", training.reports.best.patience)
        .put("early_stopping_threshold", training.reports.best.threshold).put("samples", training.reports.samples.count)
        .put("sample_prompts", training.reports.samples.prompts).put("sample_tokens", training.reports.samples.tokens);
    return b.put("threads", computing.threads).put("backend", computing.backend).put("weights", computing.weights)
        .put("max_tokens", computing.maxTokens).put("recompute", computing.recompute.key());
  }

  /** Starts a recipe with the defaults. */
  public static RecipeBuilder builder(Path model, Path output) {
    return new RecipeBuilder().set("model", model.toString()).set("output", output.toString());
  }
}
