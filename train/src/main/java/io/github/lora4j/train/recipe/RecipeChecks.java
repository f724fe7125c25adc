package io.github.lora4j.train.recipe;

import io.github.lora4j.models.WeightStorage;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/** What can be wrong with the settings of a recipe by themselves. */
final class RecipeChecks {

  private static final List<String> OPTIMIZERS = List.of("adamw", "adam", "amsgrad", "lorafa", "sgd");
  private static final int MOST_THREADS = 1024;

  private final List<String> problems = new ArrayList<>();

  private RecipeChecks() {}

  static List<String> problems(TrainingTask task, Recipe.Data data, Recipe.AdapterChoice adapter, Recipe.Training training,
      Recipe.Computing computing) {
    RecipeChecks checks = new RecipeChecks();
    checks.training(training);
    checks.data(task, data, training);
    Recipe.BestModel best = training.reports().best();
    checks.check(!best.asked() || data.eval().isPresent(), "load_best_model_at_end and early_stopping_patience need evaluations: data.eval");
    checks.computing(computing);
    checks.optimizer(training.optimizer());
    checks.adapter(adapter);
    return checks.problems;
  }

  static void raise(List<String> problems) {
    if (!problems.isEmpty()) {
      throw new ConfigException("the recipe has %d problem%s:%n  - %s".formatted(problems.size(), problems.size() == 1 ? "" : "s",
          String.join("\n  - ", problems)));
    }
  }

  private void training(Recipe.Training t) {
    check(t.epochs() > 0 && Double.isFinite(t.epochs()) || t.maxSteps() > 0, "epochs must be positive (got %s) unless max_steps is set", t.epochs());
    check(t.maxSteps() >= 0, "max_steps must not be negative, got %s", t.maxSteps());
    check(t.batchSize() >= 1, "batch_size must be at least 1, got %s", t.batchSize());
    check(t.gradientAccumulation() >= 1, "gradient_accumulation must be at least 1, got %s", t.gradientAccumulation());
    Recipe.Reports r = t.reports();
    check(r.logEvery() >= 1, "log_every must be at least 1, got %s", r.logEvery());
    check(r.evalEvery() >= 0, "eval_every must not be negative, got %s", r.evalEvery());
    check(r.saveEvery() >= 0, "save_every must not be negative, got %s", r.saveEvery());
    check(r.samples().count() >= 0, "samples must not be negative, got %s", r.samples().count());
    check(r.samples().tokens() >= 1, "sample_tokens must be at least 1, got %s", r.samples().tokens());
    Recipe.BestModel best = r.best();
    check(best.patience() >= 0, "early_stopping_patience must not be negative, got %s", best.patience());
    check(notNegative(best.threshold()), "early_stopping_threshold must be finite and not negative, got %s", best.threshold());
    check(!best.metric().isBlank(), "metric_for_best_model must name what evaluations print, such as loss or accuracy");
    check(r.keepCheckpoints() >= 1, "keep_checkpoints must be at least 1, got %s", r.keepCheckpoints());
  }

  private void data(TrainingTask task, Recipe.Data data, Recipe.Training training) {
    check(data.columns().limit() >= 0, "data.limit must not be negative, got %s", data.columns().limit());
    check(data.maxLength() >= 0, "data.max_length must not be negative, got %s", data.maxLength());
    check(new HashSet<>(data.labels()).size() == data.labels().size(), "data.labels must differ, got %s", data.labels());
    if (data.train().isPresent()) {
      problems.addAll(task.problems(data.columns(), data.labels()));
    }
    check(training.batchSize() < 1 || training.batchSize() >= task.smallestBatch(),
        "task %s needs a batch_size of at least %d: from fewer examples at a time nothing is learnt, whatever gradient_accumulation is; got %s",
        task.name(), task.smallestBatch(), training.batchSize());
  }

  private void computing(Recipe.Computing c) {
    check(c.maxTokens() >= 0, "max_tokens must not be negative, got %s", c.maxTokens());
    check(c.threads() >= 0, "threads must not be negative, got %s", c.threads());
    check(c.threads() <= MOST_THREADS, "threads must be at most %s, got %s", MOST_THREADS, c.threads());
    try {
      WeightStorage.named(c.weights());
    } catch (ConfigException e) {
      problems.add(e.getMessage());
    }
  }

  private void optimizer(Recipe.Optimizer o) {
    check(OPTIMIZERS.contains(o.name()), "optimizer.name must be adamw, adam, amsgrad, lorafa or sgd, got \"%s\"", o.name());
    check(positive(o.learningRate()), "optimizer.learning_rate must be positive, got %s", o.learningRate());
    check(notNegative(o.weightDecay()), "optimizer.weight_decay must be finite and not negative, got %s", o.weightDecay());
    Recipe.Moments m = o.moments();
    check(m.beta1() >= 0 && m.beta1() < 1, "optimizer.beta1 must be in [0, 1), got %s", m.beta1());
    check(m.beta2() >= 0 && m.beta2() < 1, "optimizer.beta2 must be in [0, 1), got %s", m.beta2());
    check(positive(m.eps()), "optimizer.eps must be positive: with 0 a gradient of 0 gives 0/0; got %s", m.eps());
    check(notNegative(o.maxGradNorm()), "optimizer.max_grad_norm must be finite and not negative, got %s", o.maxGradNorm());
    check(o.schedule().steps() >= 0, "optimizer.warmup_steps must not be negative, got %s", o.schedule().steps());
    check(o.schedule().ratio() >= 0 && o.schedule().ratio() < 1, "optimizer.warmup_ratio must be in [0, 1), got %s", o.schedule().ratio());
    Schedule.Decay d = o.schedule().decay();
    check(notNegative(d.minLr()) && notNegative(d.minLrRate()) && d.numDecaySteps() >= 0,
        "optimizer.min_lr, min_lr_rate and num_decay_steps must be finite and not negative, got %s, %s and %s", d.minLr(), d.minLrRate(),
        d.numDecaySteps());
  }

  private void adapter(Recipe.AdapterChoice adapter) {
    adapter.settings().forEach((key, value) -> number("adapter." + key, value));
    check(adapter.startFrom().isEmpty() || adapter.settings().isEmpty(),
        "start_from takes the adapter as it is; leave out %s", adapter.settings().keySet().stream().sorted().map(key -> "adapter." + key).toList());
  }

  /** What is computed with must be there in F32. */
  private void number(String key, Object value) {
    switch (value) {
      case Number n -> check(Float.isFinite(n.floatValue()), "%s must be a number that F32 can hold, got %s", key, n);
      case Map<?, ?> map -> map.forEach((inner, item) -> number(key + "." + inner, item));
      case List<?> list -> list.forEach(item -> number(key, item));
      default -> { } // text and booleans are for the method to judge
    }
  }

  private static boolean positive(double value) {
    return (float) value > 0 && Float.isFinite((float) value);
  }

  private static boolean notNegative(double value) {
    return value >= 0 && Float.isFinite((float) value);
  }

  private void check(boolean ok, String message, Object... args) {
    if (!ok) {
      problems.add(message.formatted(args));
    }
  }
}
