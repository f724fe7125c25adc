package io.github.lora4j.cli.generate;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.GeneratorOptions;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.generate.text.TextGenerator;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.WeightStorage;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.recipe.AdapterTask;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.train.session.BaseModel;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.WeightFormat;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A model and its adapters, ready to generate; what is opened for them is closed with them. */
final class OpenModel implements AutoCloseable {

  private static final String DEFAULT_ADAPTER = "adapter";
  private static final int NEW_TOKENS = 256;
  private static final int MOST_BEAMS = 256;

  private final ModelDirectory directory;
  private final Map<String, Path> adapters;
  private final Backend backend;
  private final Optional<AdapterSet> set;
  private final TextGenerator text;
  private Optional<String> alone = Optional.empty();

  /**
   * Opens what the options say.
   *
   * @param sequences at a time
   * @param choosing whether base and adapters are to be used in turn, even if there is one adapter only
   */
  OpenModel(ModelOptions options, int sequences, boolean choosing) {
    boolean run = RunDirectory.isRun(options.model());
    directory = BaseModel.open(run ? RunDirectory.recipe(options.model()).model() : options.model());
    adapters = adapters(options, run);
    Tokenizer tokenizer = Tokenizer.load(directory.path());
    Model model = Generator.model(directory.architecture());
    backend = Backend.open(options.computing().choice(), options.computing().threads());
    set = adapters.size() > 1 || choosing && !adapters.isEmpty() ? set(model) : Optional.empty();
    try (Checkpoint weights = directory.checkpoint()) {
      GeneratorOptions plain = GeneratorOptions.of(model.architecture());
      int length = options.context().orElse(plain.maxLength());
      // A model may come with a beam search.
      int together = GenerationSettings.ofModel(directory.path()).get("num_beams") instanceof Integer own ? Math.clamp(own, sequences, MOST_BEAMS)
          : sequences;
      GeneratorOptions room = plain.room(together, length).weights(options.weights().map(WeightStorage::named).orElseGet(() -> stored(weights)));
      text = new TextGenerator(open(model, weights, room), tokenizer, directory);
    } catch (RuntimeException | Error e) {
      set.ifPresent(AdapterSet::close);
      backend.close();
      throw e;
    }
  }

  /** All adapters; empty for a single one that can only be used alone. */
  private Optional<AdapterSet> set(Model model) {
    AdapterSet all = new AdapterSet(Generator.describe(model));
    try {
      adapters.forEach(all::load);
      return Optional.of(all);
    } catch (ConfigException e) {
      all.close();
      if (adapters.size() > 1) {
        backend.close();
        throw e;
      }
      alone = Optional.of(e.getMessage());
      return Optional.empty();
    }
  }

  private Generator open(Model model, Checkpoint weights, GeneratorOptions room) {
    if (set.isPresent()) {
      return Generator.open(model, weights, set.get(), room, backend);
    }
    if (adapters.isEmpty()) {
      return Generator.open(model, weights, room, backend);
    }
    try (LoadedAdapter one = PeftFormat.load(adapters.values().iterator().next(), Generator.describe(model))) {
      return Generator.open(model, weights, one, room.beside(one.adapter(), model.architecture()), backend);
    }
  }

  private static Map<String, Path> adapters(ModelOptions options, boolean run) {
    Map<String, Path> adapters = new LinkedHashMap<>();
    if (run) {
      adapters.put(DEFAULT_ADAPTER, TrainedModel.adapter(options.model()));
    }
    for (String given : options.adapters()) {
      int equals = given.indexOf('=');
      Path path = Path.of(equals < 0 ? given : given.substring(equals + 1));
      Path own = RunDirectory.isRun(path) ? TrainedModel.adapter(path) : path;
      String name = equals > 0 ? given.substring(0, equals) : String.valueOf(path.toAbsolutePath().normalize().getFileName());
      if (adapters.put(name, own) != null) {
        throw new ConfigException("two adapters are named '%s'; give one of them another name: --adapter NAME=%s".formatted(name, path));
      }
    }
    return adapters;
  }

  /** The format of the file's largest tensor, if weights can be kept in it. */
  private static WeightStorage stored(Checkpoint weights) {
    if (weights.names().stream().filter(name -> weights.info(name).dtype().isFloat()).anyMatch(name -> !(weights.stored(name) instanceof Elements))) {
      return WeightStorage.STORED;
    }
    DType type = weights.names().stream().map(weights::info).max(Comparator.comparingLong(TensorInfo::elements))
        .map(TensorInfo::dtype).orElse(DType.F32);
    return WeightStorage.of(type == DType.F16 ? WeightFormat.F16 : type == DType.BF16 ? WeightFormat.BF16 : WeightFormat.F32);
  }

  /** The model's directory. */
  ModelDirectory directory() {
    return directory;
  }

  /** What generates. */
  TextGenerator text() {
    return text;
  }

  /** Names of the adapters. */
  List<String> names() {
    return List.copyOf(adapters.keySet());
  }

  /** How the adapters' training wrote conversations, by adapter; those that do not say are left out. */
  Map<String, TrainedTemplate> templates() {
    Map<String, TrainedTemplate> templates = new LinkedHashMap<>();
    adapters.forEach((name, path) -> AdapterTask.read(path).map(AdapterTask::settings).filter(settings -> settings.containsKey("template_hash"))
        .ifPresent(settings -> templates.put(name, new TrainedTemplate(String.valueOf(settings.getOrDefault("chat_template", "")),
            String.valueOf(settings.get("template_hash")), settings.get("chat_template_kwargs") instanceof Map<?, ?> map ? named(map) : Map.of(),
            String.valueOf(settings.getOrDefault("template_date", ""))))));
    return templates;
  }

  /**
   * The chat template of a training.
   *
   * @param named as its recipe names it; empty for the model's own
   * @param hash SHA-256 of its source; "none" where prompts and answers were plain text
   * @param variables that the template was given
   * @param date the day that it printed; empty for none
   */
  record TrainedTemplate(String named, String hash, Map<String, Object> variables, String date) {}

  private static Map<String, Object> named(Map<?, ?> map) {
    Map<String, Object> named = new LinkedHashMap<>();
    map.forEach((name, value) -> named.put(String.valueOf(name), value));
    return named;
  }

  /** Why base and adapter cannot be used in turn, where that was wanted and cannot be. */
  Optional<String> alone() {
    return alone;
  }

  /** Whether base and adapters can be chosen. */
  boolean chooses() {
    return set.isPresent();
  }

  /** The settings of the model's files and of the command line, which go first. */
  GenerationConfig config(Map<String, Object> given) {
    Map<String, Object> own = GenerationSettings.ofModel(directory.path());
    if (!own.containsKey("max_new_tokens") && !own.containsKey("max_length")) {
      own.put("max_new_tokens", NEW_TOKENS);
    }
    return GenerationSettings.of(own, given);
  }

  @Override
  public void close() {
    text.generator().close();
    set.ifPresent(AdapterSet::close);
    backend.close();
  }
}
