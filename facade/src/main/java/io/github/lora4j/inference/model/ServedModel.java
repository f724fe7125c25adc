package io.github.lora4j.inference.model;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.GeneratorOptions;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.generate.text.TextGenerator;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.inference.engine.Engine;
import io.github.lora4j.inference.engine.EngineLimits;
import io.github.lora4j.inference.engine.Voices;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.train.session.BaseModel;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Lora4jException;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/** A decoder, or a model that makes a text from another, with its adapters and the engine that answers; what is opened for it is closed with it. For any thread. */
public final class ServedModel implements AutoCloseable {

  private static final Duration SEAT = Duration.ofSeconds(30);

  private final String name;
  private final ModelDirectory directory;
  private final ModelDescription description;
  private final Backend backend;
  private final @Nullable AdapterSet set;
  private final TextGenerator text;
  private final Engine engine;
  private final Templates templates;
  private final Map<String, Object> settings;
  private final Map<String, Path> paths = new LinkedHashMap<>();
  private final Map<String, Double> scales = new LinkedHashMap<>();

  /** Opens what the options say. */
  public ServedModel(ServedOptions options, EngineLimits limits) {
    boolean run = RunDirectory.isRun(options.model());
    directory = BaseModel.open(run ? RunDirectory.recipe(options.model()).model() : options.model());
    Map<String, Path> adapters = new LinkedHashMap<>();
    if (run) {
      adapters.put(fileName(options.model()), TrainedModel.adapter(options.model()));
    }
    options.adapters().forEach((adapter, path) -> adapters.put(adapter, RunDirectory.isRun(path) ? TrainedModel.adapter(path) : path));
    name = options.name().isEmpty() ? fileName(directory.path()) : options.name();
    if (adapters.containsKey(name)) {
      throw new ConfigException(("'%s' is the name of the model and of an adapter; give one of them "
          + "another (--name, or --adapter NAME=DIR)").formatted(name));
    }
    // Reading a large vocabulary takes as long as reading the weights of a small model.
    CompletableFuture<Tokenizer> tokenizer = CompletableFuture.supplyAsync(() -> Tokenizer.load(directory.path()));
    Model model = Generator.model(directory.architecture());
    description = Generator.describe(model);
    templates = new Templates(directory.path(), directory.architecture().readsSource());
    settings = GenerationSettings.ofModel(directory.path());
    backend = Backend.open(options.computing().backend(), options.computing().threads());
    AdapterSet seated = null;
    try {
      int seats = Math.max(adapters.size(), options.room().seats());
      seated = seats == 0 ? null : seated(adapters, options.room(), seats);
      set = seated;
      text = text(open(model, seated, options.room()), tokenizer);
      engine = new Engine(text, seated == null ? new Voices() : new Voices(seated, seats), limits);
    } catch (RuntimeException | Error e) {
      if (seated != null) {
        seated.close();
      }
      backend.close();
      throw e;
    }
    paths.putAll(adapters);
    adapters.forEach(templates::put);
    adapters.keySet().stream().limit(1).forEach(adapter -> scales.put(adapter, 1.0));
  }

  private TextGenerator text(Generator generator, CompletableFuture<Tokenizer> tokenizer) {
    try {
      return new TextGenerator(generator, tokenizer.join(), directory);
    } catch (RuntimeException | Error e) {
      generator.close();
      if (e instanceof CompletionException && e.getCause() instanceof Lora4jException known) {
        throw known;
      }
      throw e;
    }
  }

  private static String fileName(Path path) {
    return String.valueOf(path.toAbsolutePath().normalize().getFileName());
  }

  /** One seat more than there are names, so that a version can be replaced while it is in use. */
  private AdapterSet seated(Map<String, Path> adapters, ServedOptions.Room room, int seats) {
    AdapterSet all = new AdapterSet(description);
    try {
      adapters.forEach(all::load);
      all.reserveMixes(Voices.MIXES);
      if (room.seats() > 0) {
        int rank = Math.max(room.rank(), all.names().stream().mapToInt(adapter -> rank(all, adapter)).max().orElse(1));
        all.reserve(seats + 1, rank, TargetModules.ALL_LINEAR);
      }
      return all;
    } catch (RuntimeException | Error e) {
      all.close();
      throw e;
    }
  }

  private static int rank(AdapterSet all, String adapter) {
    return all.adapter(adapter).sites().values().stream().mapToInt(site -> site.target().rank()).max().orElse(1);
  }

  private Generator open(Model model, @Nullable AdapterSet adapters, ServedOptions.Room room) {
    try (Checkpoint weights = directory.checkpoint()) {
      int context = room.context() == 0 ? GeneratorOptions.of(model.architecture()).maxLength() : room.context();
      GeneratorOptions options = GeneratorOptions.of(model.architecture()).room(room.sequences(), context)
          .weights(room.weights().map(WeightFormats::named).orElseGet(() -> stored(weights)));
      return adapters != null ? Generator.open(model, weights, adapters, options, backend) : Generator.open(model, weights, options, backend);
    }
  }

  /** The format of the file's largest tensor, if weights can be kept in it. */
  private static WeightFormat stored(Checkpoint weights) {
    DType type = weights.names().stream().map(weights::info).max(Comparator.comparingLong(TensorInfo::elements)).map(TensorInfo::dtype)
        .orElse(DType.F32);
    return type == DType.F16 ? WeightFormat.F16 : type == DType.BF16 ? WeightFormat.BF16 : WeightFormat.F32;
  }

  /** What clients call the base model. */
  public String name() {
    return name;
  }

  /** What answers where no model is named: the adapter whose factor alone is not 0, or the base model; the first adapter that was given, at first. */
  public String standard() {
    List<String> used = scales().entrySet().stream().filter(e -> e.getValue() != 0).map(Map.Entry::getKey).toList();
    return used.size() == 1 ? used.getFirst() : name;
  }

  /** The base model and its adapters, by the names that clients use. */
  public List<String> names() {
    List<String> all = new ArrayList<>(List.of(name));
    all.addAll(engine.voices().names());
    return all;
  }

  /** Where an adapter was loaded from. */
  public Optional<Path> path(String adapter) {
    synchronized (paths) {
      return Optional.ofNullable(paths.get(adapter));
    }
  }

  /**
   * The right to compute with a model of this name.
   *
   * @param shares sequences that do
   * @return empty if there is none
   */
  public Optional<Voices.Lease> lease(String model, int shares) {
    return model.equals(name) ? Optional.of(engine.voices().base(shares)) : engine.voices().lease(model, shares);
  }

  /**
   * The right to compute with a sum of adapters.
   *
   * @param factors by adapter; those of 0 are left out
   */
  public Voices.Lease lease(Map<String, Double> factors, int shares) throws InterruptedException {
    Map<String, Double> used = new LinkedHashMap<>(factors);
    used.values().removeIf(factor -> factor == 0);
    if (used.isEmpty()) {
      return engine.voices().base(shares);
    }
    if (used.size() == 1 && used.values().iterator().next() == 1) {
      return lease(used.keySet().iterator().next(), shares).orElseThrow(() -> new ConfigException("an adapter was unloaded"));
    }
    long until = System.nanoTime() + SEAT.toNanos();
    while (true) {
      Optional<Voices.Lease> mixed = engine.between(() -> engine.voices().mix(used, shares));
      if (mixed.isPresent()) {
        return mixed.get();
      }
      if (System.nanoTime() > until) {
        throw new ResourceException(("requests use %d sums of adapters with factors of their own, "
            + "and there is room for no more").formatted(Voices.MIXES));
      }
      Thread.sleep(20);
    }
  }

  /** Factors of adapters where a request names no model. */
  public Map<String, Double> scales() {
    synchronized (paths) {
      Map<String, Double> all = new LinkedHashMap<>();
      engine.voices().names().forEach(adapter -> all.put(adapter, scales.getOrDefault(adapter, 0.0)));
      return all;
    }
  }

  /** Sets the factors of adapters where a request names no model; those left out are 0. */
  public void scale(Map<String, Double> factors) {
    synchronized (paths) {
      scales.clear();
      scales.putAll(factors);
    }
  }

  /** How models converse. */
  public Templates templates() {
    return templates;
  }

  /** What the model's files say of generation. */
  public Map<String, Object> settings() {
    return settings;
  }

  /** Tokens and their text. */
  public Tokenizer tokenizer() {
    return text.tokenizer();
  }

  /** Requests from tokens; its generator is the engine's. */
  public TextGenerator text() {
    return text;
  }

  /** Tokens of prompt and answer at most. */
  public int context() {
    return text.generator().maxLength();
  }

  /** What answers. */
  public Engine engine() {
    return engine;
  }

  /** The directory. */
  public ModelDirectory directory() {
    return directory;
  }

  /**
   * Loads an adapter, in the place of one of this name if there is one. Requests that have it go on with what they have.
   *
   * @throws Lora4jException when it cannot be read, does not fit, or there is no room
   */
  public void load(String adapter, Path from) throws InterruptedException {
    try (LoadedAdapter loaded = PeftFormat.load(from, description)) {
      long until = System.nanoTime() + SEAT.toNanos();
      while (!engine.between(() -> engine.voices().put(adapter, loaded))) {
        if (System.nanoTime() > until) {
          throw new ResourceException("versions of adapters that were replaced are still in use; try again when requests have ended");
        }
        Thread.sleep(20);
      }
    }
    synchronized (paths) {
      paths.put(adapter, from);
    }
    templates.put(adapter, from);
  }

  /** Removes an adapter; false if there is none of this name. */
  public boolean unload(String adapter) throws InterruptedException {
    boolean was = engine.between(() -> engine.voices().remove(adapter));
    synchronized (paths) {
      paths.remove(adapter);
      scales.remove(adapter);
    }
    return was;
  }

  @Override
  public void close() {
    engine.close();
    text.generator().close();
    if (set != null) {
      set.close();
    }
    backend.close();
  }
}
