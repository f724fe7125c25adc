package io.github.lora4j.train.recipe;

import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.ResourceBundle;
import org.jspecify.annotations.Nullable;

/** Every key of a recipe with its default and its meaning, those of the tasks included. An empty text means "not set". */
public final class RecipeKeys {

  static final String ADAPTER = "adapter.";

  private static final ResourceBundle MEANINGS = ResourceBundle.getBundle("io.github.lora4j.train.recipe.meanings", Locale.ROOT);
  private static final Map<String, String> OTHERS = others();
  private static @Nullable Map<String, TrainingTask> tasks;
  private static @Nullable Map<String, Object> defaults;

  private RecipeKeys() {}

  /**
   * All keys with their defaults, in the order of a recipe.
   *
   * @throws ConfigException as {@link #tasks()}, or if the keys of two tasks clash
   */
  static synchronized Map<String, Object> all() {
    if (defaults == null) {
      defaults = defaults(tasks());
    }
    return defaults;
  }

  /**
   * All tasks by name, looked up when first asked for: what is wrong with one is an error of that call, and of the next.
   *
   * @throws ConfigException if a task cannot be made, or two have one name
   */
  public static synchronized Map<String, TrainingTask> tasks() {
    if (tasks == null) {
      tasks = TrainingTask.all();
    }
    return tasks;
  }

  private static Map<String, Object> defaults(Map<String, TrainingTask> tasks) {
    Map<String, Object> d = new LinkedHashMap<>();
    d.put("model", "");
    d.put("output", "");
    d.put("task", "classification");
    tasks.values().forEach(task -> TaskKeys.values(task).forEach((key, value) -> {
      if (MEANINGS.containsKey(key) || d.containsKey(key) && !d.get(key).equals(value)) {
        throw new ConfigException("task %s (%s): its key \"%s\" is one of the recipe's, or another task's with another default".formatted(
            task.name(), task.getClass().getName(), key));
      }
      d.put(key, value);
    }));
    d.put("data.train", "");
    d.put("data.eval", "");
    d.put("data.format", "");
    d.put("data.text", "text");
    d.put("data.text_pair", "");
    d.put("data.label", "");
    d.put("data.columns", List.of());
    d.put("data.roles", List.of());
    d.put("data.labels", List.of());
    d.put("data.limit", 0);
    d.put("data.max_length", 0);
    d.put("method", "lora");
    d.put("start_from", "");
    d.put("optimizer.name", "adamw");
    d.put("optimizer.learning_rate", 2e-4);
    d.put("optimizer.weight_decay", 0.0);
    d.put("optimizer.beta1", 0.9);
    d.put("optimizer.beta2", 0.999);
    d.put("optimizer.eps", 1e-8);
    d.put("optimizer.max_grad_norm", 1.0);
    d.put("optimizer.schedule", "linear");
    d.put("optimizer.warmup_steps", 0);
    d.put("optimizer.warmup_ratio", 0.0);
    d.put("optimizer.min_lr", 0.0);
    d.put("optimizer.min_lr_rate", 0.0);
    d.put("optimizer.num_decay_steps", 0);
    d.put("epochs", 1.0);
    d.put("max_steps", 0);
    d.put("batch_size", 32);
    d.put("gradient_accumulation", 1);
    d.put("max_tokens", 0);
    d.put("recompute", Recipe.Recompute.NONE.key());
    d.put("seed", 42);
    d.put("log_every", 10);
    d.put("eval_every", 0);
    d.put("save_every", 0);
    d.put("keep_checkpoints", 2);
    d.put("load_best_model_at_end", false);
    d.put("metric_for_best_model", "loss");
    d.put("early_stopping_patience", 0);
    d.put("early_stopping_threshold", 0.0);
    d.put("samples", 3);
    d.put("sample_prompts", List.of());
    d.put("sample_tokens", 64);
    d.put("threads", 0);
    d.put("backend", "cpu");
    d.put("device", -1);
    d.put("weights", "stored");
    return Collections.unmodifiableMap(d);
  }

  /** What a key means. */
  static String meaning(String key) {
    if (key.equals("task")) {
      return "What is learnt: %s.".formatted(String.join(", ", tasks().keySet()));
    }
    return MEANINGS.containsKey(key) ? MEANINGS.getString(key)
        : tasks().values().stream().flatMap(task -> TaskKeys.meaning(task, key).stream()).findFirst().orElseThrow();
  }

  /** What is wrong with a name that is no key, and the nearest that is; the adapter's keys are its method's to judge. */
  static Optional<String> unknown(String name) {
    if (all().containsKey(name) || name.startsWith(ADAPTER) && name.length() > ADAPTER.length()) {
      return Optional.empty();
    }
    String other = OTHERS.get(name);
    return Optional.of(other != null ? "unknown setting \"%s\"; here it is %s".formatted(name, other)
        : "unknown setting \"%s\"; did you mean \"%s\"?".formatted(name, nearest(name)));
  }

  private static Map<String, String> others() {
    ResourceBundle table = ResourceBundle.getBundle("io.github.lora4j.train.recipe.other-trainers", Locale.ROOT);
    Map<String, String> others = new LinkedHashMap<>();
    table.keySet().forEach(key -> others.put(key, table.getString(key)));
    return others;
  }

  private static String nearest(String name) {
    return all().keySet().stream().min((a, b) -> Integer.compare(distance(name, a), distance(name, b))).orElseThrow();
  }

  /** For suggestions: a match of the last part counts as near. */
  private static int distance(String a, String b) {
    String tail = b.substring(b.lastIndexOf('.') + 1);
    return Math.min(Names.distance(a, b), Names.distance(a.substring(a.lastIndexOf('.') + 1), tail) + 1);
  }
}
