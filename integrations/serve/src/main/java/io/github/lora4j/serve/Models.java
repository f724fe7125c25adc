package io.github.lora4j.serve;

import io.github.lora4j.inference.engine.EngineLimits;
import io.github.lora4j.inference.model.ServedModel;
import io.github.lora4j.inference.model.ServedOptions;
import io.github.lora4j.inference.reading.Embedder;
import io.github.lora4j.inference.reading.Judge;
import io.github.lora4j.inference.reading.Kind;
import io.github.lora4j.inference.reading.Reader;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.train.session.BaseModel;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Opens what is to be served as what it is: a decoder, an encoder, a run of either. */
public final class Models {

  private Models() {}

  /**
   * Opens a model with its adapters, or a run.
   *
   * @param runs of tasks that read, by name, beside it; a model's own directory is one that gives vectors
   */
  public static Served open(ServedOptions main, Map<String, Path> runs, EngineLimits limits) {
    return open(main, runs, main.computing(), limits);
  }

  /** Opens runs of tasks that read, by name; at least one. */
  public static Served open(Map<String, Path> runs, ServedOptions.Computing computing) {
    return open(null, runs, computing, EngineLimits.DEFAULT);
  }

  private static Served open(@Nullable ServedOptions options, Map<String, Path> runs, ServedOptions.Computing computing, EngineLimits limits) {
    List<AutoCloseable> opened = new ArrayList<>();
    try {
      List<Reader> readers = new ArrayList<>();
      Optional<ServedModel> text = Optional.empty();
      if (options != null) {
        if (continues(options.model())) {
          ServedModel model = new ServedModel(options, limits);
          opened.add(model);
          text = Optional.of(model);
        } else {
          readers.add(reader(options, ""));
          opened.add(readers.getLast());
        }
      }
      for (Map.Entry<String, Path> run : runs.entrySet()) {
        readers.add(reader(new ServedOptions(run.getValue(), run.getKey(), Map.of(), new ServedOptions.Room(1, 0, 0, 1, Optional.empty()), computing),
            run.getKey() + "-base"));
        opened.add(readers.getLast());
      }
      return new Served(text, readers, base(options != null ? options.model() : runs.values().iterator().next()));
    } catch (RuntimeException | Error e) {
      for (AutoCloseable one : opened) {
        close(one);
      }
      throw e;
    }
  }

  private static Path base(Path model) {
    return RunDirectory.isRun(model) ? RunDirectory.recipe(model).model() : model;
  }

  private static void close(AutoCloseable one) {
    try {
      one.close();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** Whether a model continues texts. */
  private static boolean continues(Path path) {
    return (RunDirectory.isRun(path) ? Kind.ofTask(RunDirectory.recipe(path).task().name()) : Kind.ofModel(path)) == Kind.TEXT;
  }

  /** @param base what the model without its adapter is called; "": as its directory */
  private static Reader reader(ServedOptions options, String base) {
    ServedOptions.Computing computing = options.computing();
    Path path = options.model();
    String own = options.name().isEmpty() ? String.valueOf(path.toAbsolutePath().normalize().getFileName()) : options.name();
    if (!RunDirectory.isRun(path)) {
      return new Embedder(own, ModelDirectory.open(path), options.adapters(), computing.backend(), computing.threads());
    }
    String task = RunDirectory.recipe(path).task().name();
    Kind kind = Kind.ofTask(task);
    if (kind == Kind.JUDGEMENT) {
      if (!options.adapters().isEmpty()) {
        throw new ConfigException("%s was trained for %s, whose head is its adapter's own; serve other runs by --run".formatted(path, task));
      }
      return new Judge(own, path, computing.backend(), computing.threads());
    }
    if (kind == Kind.TEXT) {
      throw new ConfigException("--run %s was trained for %s, which continues texts; give it as --model".formatted(path, task));
    }
    Map<String, Path> adapters = new LinkedHashMap<>();
    adapters.put(own, path);
    adapters.putAll(options.adapters());
    ModelDirectory directory = BaseModel.open(RunDirectory.recipe(path).model());
    String name = base.isEmpty() ? String.valueOf(directory.path().toAbsolutePath().normalize().getFileName()) : base;
    return new Embedder(name, directory, adapters, computing.backend(), computing.threads());
  }
}
