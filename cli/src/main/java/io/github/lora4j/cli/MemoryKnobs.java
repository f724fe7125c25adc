package io.github.lora4j.cli;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.train.PreparedRun;
import io.github.lora4j.train.TrainingPlan;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.train.session.MemoryForecast;
import io.github.lora4j.vector.BackendException;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Memory;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** What a run would take of memory if one of its settings were another, each on its own. */
final class MemoryKnobs {

  private MemoryKnobs() {}

  /**
   * The settings that would save something.
   *
   * @param forecast what the run takes as it is; what Java itself takes is taken to stay, for it differs from one look to the next
   */
  static Table table(PreparedRun run, TrainingPlan plan, Backend backend, List<Backend.Allocation> forecast) {
    long together = bytes(forecast, _ -> true);
    long java = bytes(forecast, MemoryForecast.JAVA::equals);
    Table table = new Table("with", "bytes", "saved", "at the price of");
    knobs(run, plan).forEach((name, knob) -> {
      try {
        Recipe recipe = knob.change.apply(run.recipe().toBuilder()).build();
        PreparedRun other = new PreparedRun(recipe, run.directory(), run.program(), run.adapter(), run.train(), run.eval(), run.notes());
        long bytes = java + bytes(TrainingPlan.of(other).forecast(other, backend), purpose -> !purpose.equals(MemoryForecast.JAVA));
        if (bytes < together) {
          table.row(name, "%,d".formatted(bytes), "%.1f %%".formatted(100.0 * (together - bytes) / together), knob.price);
        }
      } catch (ConfigException | BackendException e) {
        table.row(name, "", "", "cannot be: " + e.getMessage().lines().findFirst().orElse(""));
      }
    });
    return table;
  }

  private static long bytes(List<Backend.Allocation> forecast, Predicate<String> counted) {
    return forecast.stream().filter(a -> counted.test(a.purpose())).mapToLong(a -> Memory.align(a.bytes())).sum();
  }

  private record Knob(UnaryOperator<RecipeBuilder> change, String price) {}

  private static Map<String, Knob> knobs(PreparedRun run, TrainingPlan plan) {
    Recipe.Training training = run.recipe().training();
    Recipe.Computing computing = run.recipe().computing();
    Map<String, Knob> knobs = new LinkedHashMap<>();
    if (computing.recompute() == Recipe.Recompute.NONE) {
      knobs.put("recompute: layers", new Knob(b -> b.set("recompute", "layers"), "a forward pass more; the same result"));
    }
    if (computing.weights().equals("f32") || computing.weights().equals("stored")) {
      knobs.put("weights: bf16", new Knob(b -> b.set("weights", "bf16"), "frozen weights rounded to 8 bits"));
    }
    int half = Math.max(run.train().longest(), plan.capacity().tokens() / 2);
    if (run.program().sequencesPerExample() == 1 && half < plan.capacity().tokens()) {
      knobs.put("max_tokens: " + half, new Knob(b -> b.set("max_tokens", half),
          "more passes for the longest batches; the same result but for rounding"));
    }
    if (training.batchSize() > 1) {
      int batch = training.batchSize() / 2;
      int accumulation = 2 * training.gradientAccumulation();
      knobs.put("batch_size: %d, gradient_accumulation: %d".formatted(batch, accumulation), new Knob(b -> b.set("batch_size", batch)
          .set("gradient_accumulation", accumulation), "more passes a step; sums rounded otherwise"));
    }
    return knobs;
  }
}
