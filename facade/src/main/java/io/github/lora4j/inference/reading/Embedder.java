package io.github.lora4j.inference.reading;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Sequence;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recipe.AdapterTask;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.train.tasks.Embedding;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.WeightFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** Vectors of texts, by an encoder or a decoder alone and with each of its adapters. */
public final class Embedder implements Reader {

  private static final int TOKENS = 4096;
  private static final int SEQUENCES = 256;

  /** A decoder may have positions for far more tokens than there is memory for. */
  private static final int MOST = 8192;

  private final String name;
  private final Tokenizer tokenizer;
  private final Backend backend;
  private final @Nullable AdapterSet set;
  private final Session session;
  private final Map<String, Integer> longest = new HashMap<>();
  private final List<String> names = new ArrayList<>();
  private final int vocabulary;
  private final ReentrantLock one = new ReentrantLock(true);

  /**
   * Opens a model.
   *
   * @param name of the model alone
   * @param adapters directories of adapters, or of their runs, by name
   * @throws ConfigException when an adapter was trained for another task or another pooling
   */
  public Embedder(String name, ModelDirectory directory, Map<String, Path> adapters, String backend, int threads) {
    this.name = name;
    tokenizer = Tokenizer.load(directory.path());
    TrainingTask task = new Embedding().settled(directory);
    RecordedTask program = task.on(directory, List.of());
    vocabulary = directory.architecture().vocabSize();
    int most = Math.min(program.maxPositions(), task.longest(directory).orElse(MOST));
    longest.put(name, most);
    names.add(name);
    AdapterSet all = new AdapterSet(program.description());
    this.backend = Backend.open(backend, threads);
    try (Checkpoint weights = directory.checkpoint()) {
      adapters.forEach((adapter, path) -> {
        boolean run = RunDirectory.isRun(path);
        Path own = run ? TrainedModel.adapter(path) : path;
        check(adapter, own, task);
        all.load(adapter, own);
        names.add(adapter);
        int recipe = run ? RunDirectory.recipe(path).data().maxLength() : 0;
        longest.put(adapter, recipe == 0 ? most : Math.min(recipe, most));
      });
      set = adapters.isEmpty() ? null : all;
      session = Session.open(new Session.Setup(program, List.of(weights), new TaskProgram.Capacity(Math.max(TOKENS, most), SEQUENCES, most),
          WeightFormat.F32, 0), adapters.isEmpty() ? Adapter.BASE : all.recording(), this.backend);
    } catch (RuntimeException | Error e) {
      all.close();
      this.backend.close();
      throw e;
    }
  }

  private static void check(String adapter, Path path, TrainingTask task) {
    Optional<TrainingTask> trained = AdapterTask.read(path).flatMap(AdapterTask::here);
    if (trained.isPresent() && (!(trained.get() instanceof Embedding own) || !own.pooling().isEmpty() && !own.equals(task))) {
      throw new ConfigException("adapter '%s' was trained for %s, the model gives vectors by %s; serve its run by --run".formatted(adapter,
          trained.get().name(),
          task));
    }
  }

  @Override
  public List<String> names() {
    return List.copyOf(names);
  }

  @Override
  public String task(String model) {
    return "embedding";
  }

  @Override
  public Reading read(String model, List<Text> texts) {
    int most = longest.getOrDefault(model, 1);
    List<Example> examples = new ArrayList<>();
    int tokens = 0;
    for (Text text : texts) {
      Sequence sequence = text.ids().length == 0 ? Sequence.of(tokenizer.encode(text.first(), most)) : ids(text.ids(), most);
      tokens += sequence.length();
      examples.add(Example.of(sequence, Target.NONE));
    }
    one.lock();
    try {
      int[] choices = new int[texts.size()];
      if (set != null) {
        Arrays.fill(choices, set.choices(List.of(model.equals(name) ? AdapterSet.BASE : model))[0]);
      }
      return new Reading(session.predict(new TokenizedData(examples), choices), List.of(), tokens);
    } finally {
      one.unlock();
    }
  }

  private Sequence ids(int[] ids, int most) {
    if (ids.length > most || Arrays.stream(ids).anyMatch(id -> id < 0 || id >= vocabulary)) {
      throw new ConfigException("a list of %,d token ids: there may be %,d, each from 0 to %d".formatted(ids.length, most, vocabulary - 1));
    }
    return new Sequence(ids, new int[ids.length], false);
  }

  @Override
  public void close() {
    session.close();
    if (set != null) {
      set.close();
    }
    backend.close();
  }
}
