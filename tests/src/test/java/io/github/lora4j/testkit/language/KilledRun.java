package io.github.lora4j.testkit.language;

import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** A training run in a process of its own that dawdles behind every step, so that it can be killed at work. Argument: a recipe. */
final class KilledRun {

  private KilledRun() {}

  public static void main(String[] args) {
    Recipe recipe = new RecipeBuilder().read(Path.of(args[0])).build();
    try (TrainingRun run = TrainingRun.open(recipe, false, event -> {
      if (event instanceof TrainEvent.Step) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(30));
      }
    })) {
      run.train();
    }
  }
}
