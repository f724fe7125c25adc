package io.github.lora4j.train;

import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.train.recipe.AdapterTask;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A trained adapter that a run goes on from: its structure and values, with a new optimizer and schedule.
 *
 * @param directory of PEFT's form, or a GGUF file
 */
record StartingAdapter(Path directory) {

  /** The one a recipe names, by its own directory or that of its run. */
  static StartingAdapter of(Recipe recipe) {
    Path named = Path.of(recipe.adapter().startFrom());
    Path directory = RunDirectory.isRun(named) ? TrainedModel.adapter(named) : named;
    if (!Files.isRegularFile(PeftFormat.isGguf(directory) ? directory : directory.resolve(PeftFormat.CONFIG))) {
      throw new FormatException(("start_from: %s is neither the directory of an adapter (with %s) nor that of a finished run, nor an adapter's GGUF "
          + "file").formatted(named, PeftFormat.CONFIG));
    }
    return new StartingAdapter(directory);
  }

  /** The names of its classes, which its head's rows stand for; empty where nothing says. */
  List<String> labels() {
    return AdapterTask.read(directory).map(AdapterTask::labels).orElse(List.of());
  }

  /**
   * The adapter to be trained on.
   *
   * @throws ConfigException when the recipe's method is another one, or one that cannot go on
   */
  Adapter structure(AdapterMethod method, ModelDescription model) {
    Map<String, Object> config = PeftFormat.config(directory, model);
    if (!method.peftType().equals(config.get("peft_type"))) {
      throw new ConfigException("start_from: %s holds an adapter of type %s, but method is %s (%s)".formatted(directory, config.get("peft_type"),
          method.name(), method.peftType()));
    }
    Adapter adapter = method.restore(config, model);
    if (schedules(adapter)) {
      throw new ConfigException(("start_from: %s has spread its ranks already, which method %s would do anew; write it as plain LoRA first "
          + "(lora4j export) and start from that").formatted(directory, method.name()));
    }
    return adapter;
  }

  private static boolean schedules(Adapter adapter) {
    try {
      return adapter.hook(Integer.MAX_VALUE).isPresent();
    } catch (ConfigException e) {
      return true; // A schedule of its own length, or one that has ended: what that says is of the run it was trained by.
    }
  }
}
