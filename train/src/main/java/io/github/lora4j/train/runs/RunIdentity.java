package io.github.lora4j.train.runs;

import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/**
 * Everything that a run's bits follow from, in the recipe's words: a checkpoint is continued by nothing else.
 *
 * @param settings by their names in recipes, with steps, data and base weights
 * @param kernels what computes, see {@link io.github.lora4j.graph.Backend#arithmetic}
 */
public record RunIdentity(Map<String, String> settings, String kernels) {

  /** Settings that decide where things lie, how fast they go and what is told; what data files hold is known by its checksum. */
  private static final Set<String> FREE = Set.of("model", "output", "data.train", "data.eval", "data.format", "data.text", "data.text_pair",
      "data.label", "data.columns", "data.roles", "data.limit", "data.max_length", "epochs", "max_steps", "log_every", "eval_every", "save_every",
      "keep_checkpoints", "load_best_model_at_end", "metric_for_best_model", "early_stopping_patience", "early_stopping_threshold", "samples", "sample_prompts", "sample_tokens", "threads", "backend", "device", "recompute");

  private static final String WEIGHTS = "weights";
  /** Of a model that is not quantised they are the same, and the default was one before it was the other. */
  private static final Set<String> SAME = Set.of("f32", "stored");
  private static final String EITHER = "stored, which is f32 here";

  private static final String UNSET = "(not set)";

  /** Copies the settings. */
  public RunIdentity {
    settings = Map.copyOf(settings);
  }

  /**
   * What a recipe comes to.
   *
   * @param inputs what follows from model and data, by names for people
   * @param quantised whether the base model's files hold blocks
   */
  public static RunIdentity of(Recipe recipe, Map<String, String> inputs, String kernels, boolean quantised) {
    Map<String, String> settings = new TreeMap<>(inputs);
    recipe.toBuilder().all().forEach((name, value) -> {
      if (!FREE.contains(name)) {
        settings.put(name, String.valueOf(value));
      }
    });
    if (!quantised && SAME.contains(settings.get(WEIGHTS))) {
      settings.put(WEIGHTS, EITHER);
    }
    return new RunIdentity(settings, kernels);
  }

  /**
   * Refuses to continue a checkpoint that would not come to the same result.
   *
   * @param then of the run that wrote it
   * @throws ConfigException naming every difference
   */
  void requireContinues(Path checkpoint, RunIdentity then, Resume how) {
    List<String> differences = new ArrayList<>();
    Map<String, Object> standard = RecipeBuilder.settings();
    Map<String, String> all = new TreeMap<>(then.settings);
    settings.forEach(all::putIfAbsent);
    all.keySet().forEach(name -> {
      // A setting that there was not yet had the effect of its default.
      String before = then.settings.getOrDefault(name, String.valueOf(standard.getOrDefault(name, UNSET)));
      String now = settings.getOrDefault(name, UNSET);
      boolean same = before.equals(now) || name.equals(WEIGHTS) && now.equals(EITHER) && SAME.contains(before);
      if (!same) {
        differences.add("%s was %s, is now %s".formatted(name, before, now));
      }
    });
    if (!differences.isEmpty()) {
      throw new ConfigException(("%s belongs to another run; to continue it, nothing that changes the result may change:%n  - %s%nTo train longer or "
          + "otherwise, start a new run, with another output, that goes on from this one's adapter: start_from: %s").formatted(checkpoint,
              String.join("\n  - ", differences), checkpoint.toAbsolutePath().getParent()));
    }
    if (how != Resume.ON_OTHER_KERNELS && !Objects.equals(kernels, then.kernels)) {
      throw new ConfigException(("%s was computed by \"%s\", here it would be \"%s\": sums are rounded otherwise, so the result would not be the "
          + "one of an uninterrupted run. Continue on a machine and with a backend of that kind, or add --other-kernels to go on all the same")
          .formatted(checkpoint, then.kernels, kernels));
    }
  }
}
