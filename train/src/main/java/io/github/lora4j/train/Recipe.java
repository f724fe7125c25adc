package io.github.lora4j.train;

import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
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
 * @param task what is learnt
 * @param pooling sentence vectors: "mean" or "cls"
 * @param data files and columns
 * @param method adapter method: "lora"
 * @param adapter the method's settings under PEFT's names: r, lora_alpha, target_modules, ...
 * @param optimizer update rule, rates and clipping
 * @param epochs passes over the training data, when maxSteps is 0
 * @param maxSteps optimizer steps; 0: by epochs
 * @param batchSize examples of one forward pass
 * @param gradientAccumulation forward passes of one optimizer step
 * @param maxTokens most tokens of one forward pass; a batch above it is split, with the same result; 0: whatever the longest batch needs
 * @param seed of shuffling, dropout and initialisation
 * @param logEvery steps between reports of the loss
 * @param evalEvery steps between evaluations; 0: after each epoch
 * @param saveEvery steps between checkpoints; 0: only at the end
 * @param keepCheckpoints how many checkpoints stay on disk
 * @param threads worker threads; 0: all processors
 * @param backend what computes: "cpu", "opencl", "ptx", "cuda", with a device's number as in "opencl:1", or "auto"; see {@link
 *     io.github.lora4j.graph.Backend#open}
 * @param weights storage of the frozen weights: "f32", "bf16", "f16"
 */
public record Recipe(Path model, Path output, TaskKind task, String pooling, Data data, String method, Map<String, Object> adapter,
    Optimizer optimizer, double epochs, int maxSteps, int batchSize, int gradientAccumulation, int maxTokens, long seed, int logEvery,
    int evalEvery, int saveEvery, int keepCheckpoints, int threads, String backend, String weights) {

  /** What is learnt. */
  public enum TaskKind {
    /** One of several classes: cross-entropy. */
    CLASSIFICATION,
    /** Several labels at once: binary cross-entropy. */
    MULTI_LABEL,
    /** A number: squared error. */
    REGRESSION,
    /** Sentence vectors, from pairs of texts that belong together: multiple-negatives ranking loss. */
    EMBEDDING;

    /** The name in recipes. */
    public String key() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Where the text comes from.
   *
   * @param labels class names in the order of their ids; empty: as found in the training data, sorted
   * @param maxLength tokens after which a text is cut; 0: what the model has positions for
   */
  public record Data(Optional<Path> train, Optional<Path> eval, DataSpec columns, List<String> labels, int maxLength) {}

  /**
   * The optimizer.
   *
   * @param name "adamw", "adam" (weight decay in the gradient), "amsgrad" (AdamW that divides by the largest second moment so far),
   *     "lorafa" (LoRA-FA: A stays as drawn, B's gradient is preconditioned; method lora only) or "sgd" (momentum = beta1)
   * @param warmupRatio share of all steps, used when warmupSteps is 0
   * @param maxGradNorm 0 does not clip
   */
  public record Optimizer(String name, double learningRate, double weightDecay, double beta1, double beta2, double eps, double maxGradNorm,
      Schedule.Kind schedule, int warmupSteps, double warmupRatio) {}

  /** Checks everything and reports all problems at once. */
  public Recipe {
    adapter = Map.copyOf(adapter);
    raise(problems(task, pooling, data, optimizer, epochs, maxSteps, batchSize, gradientAccumulation, maxTokens, logEvery, evalEvery, saveEvery,
        keepCheckpoints, threads, weights));
  }

  /** What is wrong with these settings. */
  static List<String> problems(TaskKind task, String pooling, Data data, Optimizer optimizer, double epochs, int maxSteps, int batchSize,
      int gradientAccumulation, int maxTokens, int logEvery, int evalEvery, int saveEvery, int keepCheckpoints, int threads, String weights) {
    List<String> problems = new ArrayList<>();
    check(problems, epochs > 0 && Double.isFinite(epochs) || maxSteps > 0, "epochs must be positive (got %s) unless max_steps is set", epochs);
    check(problems, maxSteps >= 0, "max_steps must not be negative, got %s", maxSteps);
    check(problems, batchSize >= 1, "batch_size must be at least 1, got %s", batchSize);
    check(problems, gradientAccumulation >= 1, "gradient_accumulation must be at least 1, got %s", gradientAccumulation);
    check(problems, maxTokens >= 0, "max_tokens must not be negative, got %s", maxTokens);
    check(problems, logEvery >= 1, "log_every must be at least 1, got %s", logEvery);
    check(problems, evalEvery >= 0, "eval_every must not be negative, got %s", evalEvery);
    check(problems, saveEvery >= 0, "save_every must not be negative, got %s", saveEvery);
    check(problems, keepCheckpoints >= 1, "keep_checkpoints must be at least 1, got %s", keepCheckpoints);
    check(problems, threads >= 0, "threads must not be negative, got %s", threads);
    check(problems, data.columns.limit() >= 0, "data.limit must not be negative, got %s", data.columns.limit());
    check(problems, data.maxLength >= 0, "data.max_length must not be negative, got %s", data.maxLength);
    check(problems, List.of("f32", "bf16", "f16").contains(weights), "weights must be f32, bf16 or f16, got \"%s\"", weights);
    check(problems, List.of("mean", "cls").contains(pooling), "pooling must be mean or cls, got \"%s\"", pooling);
    check(problems, List.of("adamw", "adam", "amsgrad", "lorafa", "sgd").contains(optimizer.name),
        "optimizer.name must be adamw, adam, amsgrad, lorafa or sgd, got \"%s\"",
        optimizer.name);
    check(problems, optimizer.learningRate > 0 && Double.isFinite(optimizer.learningRate), "optimizer.learning_rate must be positive, got %s", optimizer.learningRate);
    check(problems, notNegative(optimizer.weightDecay), "optimizer.weight_decay must be finite and not negative, got %s", optimizer.weightDecay);
    check(problems, optimizer.beta1 >= 0 && optimizer.beta1 < 1, "optimizer.beta1 must be in [0, 1), got %s", optimizer.beta1);
    check(problems, optimizer.beta2 >= 0 && optimizer.beta2 < 1, "optimizer.beta2 must be in [0, 1), got %s", optimizer.beta2);
    check(problems, notNegative(optimizer.eps), "optimizer.eps must be finite and not negative, got %s", optimizer.eps);
    check(problems, notNegative(optimizer.maxGradNorm), "optimizer.max_grad_norm must be finite and not negative, got %s", optimizer.maxGradNorm);
    check(problems, optimizer.warmupSteps >= 0, "optimizer.warmup_steps must not be negative, got %s", optimizer.warmupSteps);
    check(problems, optimizer.warmupRatio >= 0 && optimizer.warmupRatio < 1, "optimizer.warmup_ratio must be in [0, 1), got %s",
        optimizer.warmupRatio);
    check(problems, new HashSet<>(data.labels).size() == data.labels.size(), "data.labels must differ, got %s", data.labels);
    check(problems, task != TaskKind.CLASSIFICATION || data.labels.size() != 1, "task classification needs at least two labels, data.labels is %s",
        data.labels);
    check(problems, task != TaskKind.EMBEDDING || data.columns.textPair().isPresent(), "task embedding needs data.text_pair: the column of the text that belongs to data.text");
    check(problems, task == TaskKind.EMBEDDING || data.columns.label().isPresent() || data.train.isEmpty(), "task %s needs data.label: the column of the label", task.key());
    return problems;
  }

  static void raise(List<String> problems) {
    if (!problems.isEmpty()) {
      throw new ConfigException("the recipe has %d problem%s:%n  - %s".formatted(problems.size(), problems.size() == 1 ? "" : "s",
          String.join("\n  - ", problems)));
    }
  }

  private static boolean notNegative(double value) {
    return value >= 0 && Double.isFinite(value);
  }

  private static void check(List<String> problems, boolean ok, String message, Object... args) {
    if (!ok) {
      problems.add(message.formatted(args));
    }
  }

  /** Storage of frozen weights. */
  public DType weightType() {
    return DType.valueOf(weights.toUpperCase(Locale.ROOT));
  }

  /** These settings with absolute paths, for a run to be repeated from anywhere. */
  RecipeBuilder toBuilder(List<String> labels) {
    RecipeBuilder b = new RecipeBuilder();
    b.put("model", model.toAbsolutePath().toString()).put("output", output.toAbsolutePath().toString()).put("task", task.key())
        .put("pooling", pooling).put("method", method).put("epochs", epochs).put("max_steps", maxSteps).put("batch_size", batchSize)
        .put("gradient_accumulation", gradientAccumulation).put("max_tokens", maxTokens).put("seed", seed).put("log_every", logEvery)
        .put("eval_every", evalEvery).put("save_every", saveEvery).put("keep_checkpoints", keepCheckpoints).put("threads", threads)
        .put("backend", backend).put("weights", weights);
    data.train.ifPresent(file -> b.put("data.train", file.toAbsolutePath().toString()));
    data.eval.ifPresent(file -> b.put("data.eval", file.toAbsolutePath().toString()));
    data.columns.format().ifPresent(format -> b.put("data.format", format));
    b.put("data.text", data.columns.text());
    data.columns.textPair().ifPresent(column -> b.put("data.text_pair", column));
    data.columns.label().ifPresent(column -> b.put("data.label", column));
    b.put("data.labels", labels).put("data.limit", data.columns.limit()).put("data.max_length", data.maxLength);
    b.put("optimizer.name", optimizer.name).put("optimizer.learning_rate", optimizer.learningRate)
        .put("optimizer.weight_decay", optimizer.weightDecay).put("optimizer.beta1", optimizer.beta1).put("optimizer.beta2", optimizer.beta2)
        .put("optimizer.eps", optimizer.eps).put("optimizer.max_grad_norm", optimizer.maxGradNorm)
        .put("optimizer.schedule", optimizer.schedule.key()).put("optimizer.warmup_steps", optimizer.warmupSteps)
        .put("optimizer.warmup_ratio", optimizer.warmupRatio);
    adapter.forEach((key, value) -> b.put("adapter." + key, value));
    return b;
  }

  /** Starts a recipe with the defaults. */
  public static RecipeBuilder builder(Path model, Path output) {
    return new RecipeBuilder().set("model", model.toString()).set("output", output.toString());
  }
}
