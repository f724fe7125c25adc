package io.github.lora4j;

import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainListener;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.train.runs.Resume;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * A model on this machine with its adapters: trains, and answers, by itself with what it was opened as (the adapter of a run, or no adapter), and
 * with any other adapter through {@link #with}. For any number of threads. Close it to release its memory.
 */
public final class LocalModel implements LanguageModel, AutoCloseable {

  private final Opened opened;
  private final LanguageModel own;
  private final Set<Training> trainings = ConcurrentHashMap.newKeySet();

  LocalModel(Path directory, ModelOptions options) {
    boolean run = RunDirectory.isRun(directory);
    opened = new Opened(run ? RunDirectory.recipe(directory).model() : directory, options);
    String name = run ? String.valueOf(directory.toAbsolutePath().normalize().getFileName()) : opened.name();
    if (run) {
      opened.load(name, directory);
    }
    own = new Voice(opened, name);
  }

  /** Trains an adapter; see {@link #train(Map, TrainListener)}. */
  public TrainEvent.Finished train(Map<String, ?> recipe) {
    return train(recipe, event -> { });
  }

  /**
   * Trains an adapter of this model, in memory of its own. To use it, {@link #load} it.
   *
   * <p>Interrupting this thread stops the training at once and leaves a checkpoint of the steps that are done, if there are any; {@link #resume}
   * goes on from it with the same result.
   *
   * @param recipe as a recipe's YAML file has it, without the model: {@code output}, {@code task}, {@code data}, {@code adapter}, ...; maps within
   *     maps, or dotted names such as {@code "optimizer.learning_rate"}
   * @param listener told of each step on this thread, while the training waits; an exception stops it
   * @return where the adapter is, and its last metrics
   * @throws ConfigException listing all that is wrong with the recipe
   * @throws java.util.concurrent.CancellationException when it was interrupted, or the model closed
   */
  public TrainEvent.Finished train(Map<String, ?> recipe, TrainListener listener) {
    return train(recipe, Resume.NO, listener);
  }

  /** Goes on with a training that was stopped, from its last checkpoint; see {@link #train(Map, TrainListener)}. */
  public TrainEvent.Finished resume(Map<String, ?> recipe, TrainListener listener) {
    return train(recipe, Resume.EXACTLY, listener);
  }

  private TrainEvent.Finished train(Map<String, ?> settings, Resume resume, TrainListener listener) {
    opened.requireOpen();
    Recipe recipe = recipe(settings);
    Training training = new Training();
    trainings.add(training);
    try {
      opened.requireOpen();
      return training.run(recipe, resume, listener);
    } finally {
      trainings.remove(training);
    }
  }

  private Recipe recipe(Map<String, ?> settings) {
    Map<String, Object> plain = Plain.map(settings);
    if (plain.containsKey("model")) {
      throw new ConfigException("recipe: the model is this one, %s; leave 'model' out".formatted(opened.base()));
    }
    plain.put("model", opened.base().toString());
    plain.putIfAbsent("backend", opened.options().computing().backend());
    plain.putIfAbsent("threads", opened.options().computing().threads());
    return new RecipeBuilder().tree(plain).build();
  }

  /** The model without an adapter. */
  public LanguageModel base() {
    opened.requireOpen();
    return new Voice(opened, opened.name());
  }

  /**
   * The model with one of its adapters, which answers as long as there is one of that name; it is nothing to close.
   *
   * @param adapter its name, or the model's own
   * @throws ConfigException when there is no such adapter, saying which there are
   */
  public LanguageModel with(String adapter) {
    if (!adapter.equals(opened.name()) && !adapters().contains(adapter)) {
      throw new ConfigException("there is no adapter '%s'; there are: %s".formatted(adapter, adapters().isEmpty() ? "none"
          : String.join(", ", adapters())));
    }
    return new Voice(opened, adapter);
  }

  /** Names of the adapters, in the order they came. */
  public List<String> adapters() {
    return opened.adapters();
  }

  /** Loads an adapter; see {@link #load(String, Path)}. */
  public void load(String adapter, String directory) {
    load(adapter, Path.of(directory));
  }

  /**
   * Loads an adapter, in the place of one of this name if there is one. It is read when it is first asked; answers that are being given are waited
   * for, unless there is a seat for it ({@link Lora4j#model(String, Map)}).
   *
   * @param directory of an adapter in PEFT's format, or of a finished run; of a run if it was trained to judge texts
   */
  public void load(String adapter, Path directory) {
    opened.load(adapter, directory);
  }

  /** Removes an adapter; false if there is none of this name. */
  public boolean unload(String adapter) {
    return opened.unload(adapter);
  }

  @Override
  public String name() {
    return own.name();
  }

  @Override
  public Generated generate(String prompt, Map<String, ?> settings, Consumer<String> listener) {
    return own.generate(prompt, settings, listener);
  }

  @Override
  public Generated chat(List<? extends Map<String, ?>> messages, Map<String, ?> settings, Consumer<String> listener) {
    return own.chat(messages, settings, listener);
  }

  @Override
  public List<List<Double>> embedAll(List<String> texts) {
    return own.embedAll(texts);
  }

  @Override
  public List<Classification> classifyAll(List<String> texts) {
    return own.classifyAll(texts);
  }

  @Override
  public List<Double> scoreAll(String text, List<String> others) {
    return own.scoreAll(text, others);
  }

  @Override
  public List<Map<String, Object>> predict(List<String> texts) {
    return own.predict(texts);
  }

  @Override
  public int countTokens(String text) {
    return own.countTokens(text);
  }

  @Override
  public int countChatTokens(List<? extends Map<String, ?>> messages) {
    return own.countChatTokens(messages);
  }

  /**
   * Ends what is being answered and trained (after a checkpoint), and releases all memory. Again, it does nothing.
   *
   * @throws IllegalStateException within a listener of this model
   */
  @Override
  public void close() {
    if (trainings.stream().anyMatch(Training::mine)) {
      throw new IllegalStateException("whoever hears of a training of '%s' cannot close it meanwhile".formatted(name()));
    }
    opened.close();
    trainings.forEach(training -> {
      training.stop();
      training.await();
    });
  }
}
