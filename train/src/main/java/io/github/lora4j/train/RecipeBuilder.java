package io.github.lora4j.train;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Collects settings by their dotted names ("optimizer.learning_rate"), from a YAML file, the command line or code, and makes the
 * {@link Recipe}. An unknown name is an error that suggests the nearest, told by {@link #build} with all others; everything under
 * {@code adapter} belongs to the method.
 */
public final class RecipeBuilder {

  private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory().disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
      .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES).enable(YAMLGenerator.Feature.ALWAYS_QUOTE_NUMBERS_AS_STRINGS)
      .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION));

  /** Every setting with its default. An empty string means "not set". */
  private static final Map<String, Object> DEFAULTS = defaults();

  private final Map<String, Object> values = new TreeMap<>();
  private final List<String> problems = new ArrayList<>();

  private static Map<String, Object> defaults() {
    Map<String, Object> d = new LinkedHashMap<>();
    d.put("model", "");
    d.put("output", "");
    d.put("task", "classification");
    d.put("pooling", "mean");
    d.put("data.train", "");
    d.put("data.eval", "");
    d.put("data.format", "");
    d.put("data.text", "text");
    d.put("data.text_pair", "");
    d.put("data.label", "");
    d.put("data.labels", List.of());
    d.put("data.limit", 0);
    d.put("data.max_length", 0);
    d.put("method", "lora");
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
    d.put("epochs", 1.0);
    d.put("max_steps", 0);
    d.put("batch_size", 32);
    d.put("gradient_accumulation", 1);
    d.put("max_tokens", 0);
    d.put("seed", 42);
    d.put("log_every", 10);
    d.put("eval_every", 0);
    d.put("save_every", 0);
    d.put("keep_checkpoints", 2);
    d.put("threads", 0);
    d.put("backend", "cpu");
    d.put("device", -1);
    d.put("weights", "f32");
    return d;
  }

  /** Names of all settings with their defaults, for help texts. */
  public static Map<String, Object> settings() {
    return new LinkedHashMap<>(DEFAULTS);
  }

  /** Reads a YAML (or JSON) file; settings made later win. Relative paths in it are relative to the working directory. */
  public RecipeBuilder read(Path yaml) {
    try {
      Map<String, Object> tree = YAML.readValue(Files.readAllBytes(yaml), new TypeReference<>() { });
      if (tree == null) {
        throw new FormatException("%s is empty".formatted(yaml));
      }
      flatten(yaml + ": ", "", tree);
      return this;
    } catch (JacksonException e) {
      throw new FormatException("%s is not a YAML map of settings: %s".formatted(yaml, e.getOriginalMessage()), e);
    } catch (java.nio.file.NoSuchFileException e) {
      throw new FormatException("%s does not exist".formatted(yaml), e);
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(yaml, e.getMessage()), e);
    }
  }

  private void flatten(String file, String prefix, Map<?, ?> tree) {
    tree.forEach((key, value) -> {
      String name = prefix + key;
      if (value instanceof Map<?, ?> inner && !name.startsWith("adapter.")) {
        flatten(file, name + ".", inner);
      } else {
        unknown(name).ifPresentOrElse(problem -> problems.add(file + problem), () -> put(name, value));
      }
    });
  }

  /** Sets a known name to a value as it is; null means "not set", as in PEFT's files. */
  RecipeBuilder put(String name, Object value) {
    if (value == null) {
      values.remove(name);
    } else {
      values.put(name, value);
    }
    return this;
  }

  /** Sets one value; a list or map is taken as it is, text is parsed as YAML ("5e-4", "[query, value]"). */
  public RecipeBuilder set(String name, Object value) {
    unknown(name).ifPresent(problems::add);
    try {
      boolean text = DEFAULTS.get(name) instanceof String || !(value instanceof String);
      return put(name, text ? value : YAML.readValue((String) value, Object.class));
    } catch (JacksonException e) {
      throw new ConfigException("%s: \"%s\" is not a value: %s".formatted(name, value, e.getOriginalMessage()), e);
    }
  }

  /** Sets the settings of the adapter method, under PEFT's names. */
  public RecipeBuilder adapter(Map<String, ?> settings) {
    settings.forEach((key, value) -> set("adapter." + key, value));
    return this;
  }

  private static Optional<String> unknown(String name) {
    if (DEFAULTS.containsKey(name) || name.startsWith("adapter.") && name.length() > 8) {
      return Optional.empty();
    }
    String nearest = DEFAULTS.keySet().stream().min((a, b) -> Integer.compare(distance(name, a), distance(name, b))).orElseThrow();
    return Optional.of("unknown setting \"%s\"; did you mean \"%s\"?".formatted(name, nearest));
  }

  /** Levenshtein's distance, for suggestions; a match of the last part counts as near. */
  private static int distance(String a, String b) {
    String tail = b.substring(b.lastIndexOf('.') + 1);
    return Math.min(levenshtein(a, b), levenshtein(a.substring(a.lastIndexOf('.') + 1), tail) + 1);
  }

  private static int levenshtein(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int above = row[j];
        row[j] = Math.min(Math.min(row[j], row[j - 1]) + 1, diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1));
        diagonal = above;
      }
    }
    return row[b.length()];
  }

  /**
   * The validated recipe.
   *
   * @throws ConfigException listing every problem
   */
  public Recipe build() {
    List<String> all = new ArrayList<>(problems);
    Reader r = new Reader(all);
    Map<String, Object> adapter = new LinkedHashMap<>();
    values.forEach((key, value) -> {
      if (key.startsWith("adapter.")) {
        adapter.put(key.substring(8), exponent(value));
      }
    });
    if (!values.containsKey("optimizer.learning_rate")) {
      try {
        AdapterMethod.named(r.text("method")).learningRate().ifPresent(rate -> values.put("optimizer.learning_rate", rate));
      } catch (ConfigException e) {
        all.add(e.getMessage());
      }
    }
    if (r.text("optimizer.name").equals("lorafa")) {
      values.putIfAbsent("optimizer.eps", 1e-6); // PEFT's default for it
    }
    Recipe.TaskKind task = r.choice("task", Recipe.TaskKind.values(), Recipe.TaskKind::key);
    Schedule.Kind schedule = r.choice("optimizer.schedule", Schedule.Kind.values(), Schedule.Kind::key);
    DataSpec columns = new DataSpec(r.optional("data.format"), r.text("data.text"), r.optional("data.text_pair"), r.optional("data.label"),
        r.integer("data.limit"));
    Recipe.Data data = new Recipe.Data(r.optional("data.train").map(Path::of), r.optional("data.eval").map(Path::of), columns,
        r.list("data.labels"), r.integer("data.max_length"));
    Recipe.Optimizer optimizer = new Recipe.Optimizer(r.text("optimizer.name"), r.number("optimizer.learning_rate"),
        r.number("optimizer.weight_decay"), r.number("optimizer.beta1"), r.number("optimizer.beta2"), r.number("optimizer.eps"),
        r.number("optimizer.max_grad_norm"), schedule, r.integer("optimizer.warmup_steps"), r.number("optimizer.warmup_ratio"));
    for (String required : List.of("model", "output")) {
      if (r.text(required).isEmpty()) {
        all.add("%s is required".formatted(required));
      }
    }
    double epochs = r.number("epochs");
    int maxSteps = r.integer("max_steps");
    int batchSize = r.integer("batch_size");
    int accumulation = r.integer("gradient_accumulation");
    int maxTokens = r.integer("max_tokens");
    long seed = r.whole("seed", Long.MAX_VALUE);
    int logEvery = r.integer("log_every");
    int evalEvery = r.integer("eval_every");
    int saveEvery = r.integer("save_every");
    int keep = r.integer("keep_checkpoints");
    int threads = r.integer("threads");
    String backend = r.text("backend");
    int device = r.integer("device");
    if (device >= 0) {
      if (backend.equals("auto") || backend.contains(":")) {
        all.add("device %d needs a backend by its name alone, such as opencl; got %s".formatted(device, backend));
      }
      backend += ":" + device;
    }
    all.addAll(Recipe.problems(task, r.text("pooling"), data, optimizer, epochs, maxSteps, batchSize, accumulation, maxTokens, logEvery, evalEvery,
        saveEvery, keep, threads, r.text("weights")));
    Recipe.raise(all);
    return new Recipe(Path.of(r.text("model")), Path.of(r.text("output")), task, r.text("pooling"), data, r.text("method"), adapter, optimizer,
        epochs, maxSteps, batchSize, accumulation, maxTokens, seed, logEvery, evalEvery, saveEvery, keep, threads, backend, r.text("weights"));
  }

  /** YAML 1.1 takes 5e-2, without a point, for text. */
  private static Object exponent(Object value) {
    return value instanceof String s && s.matches("[-+]?\\d{1,9}[eE][-+]?\\d{1,3}") ? (Object) Double.parseDouble(s) : value;
  }

  /** The settings as YAML, defaults included, so that a run says all it did. */
  public String toYaml() {
    Map<String, Object> tree = new LinkedHashMap<>();
    Map<String, Object> all = new LinkedHashMap<>(DEFAULTS);
    all.putAll(values);
    all.forEach((key, value) -> {
      int dot = key.indexOf('.');
      if (dot < 0) {
        tree.put(key, value);
      } else {
        @SuppressWarnings("unchecked")
        Map<String, Object> inner = (Map<String, Object>) tree.computeIfAbsent(key.substring(0, dot), k -> new LinkedHashMap<String, Object>());
        inner.put(key.substring(dot + 1), value);
      }
    });
    try {
      return YAML.writeValueAsString(tree);
    } catch (JacksonException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Reads typed values, collecting problems. */
  private final class Reader {
    private final List<String> problems;

    Reader(List<String> problems) {
      this.problems = problems;
    }

    private Object value(String name) {
      return values.getOrDefault(name, DEFAULTS.get(name));
    }

    String text(String name) {
      return String.valueOf(value(name));
    }

    Optional<String> optional(String name) {
      return Optional.of(text(name)).filter(s -> !s.isEmpty());
    }

    double number(String name) {
      if (value(name) instanceof Number n) {
        return n.doubleValue();
      }
      try {
        return Double.parseDouble(text(name));
      } catch (NumberFormatException e) {
        problems.add("%s must be a number, got \"%s\"".formatted(name, value(name)));
        return ((Number) DEFAULTS.get(name)).doubleValue();
      }
    }

    int integer(String name) {
      return (int) whole(name, Integer.MAX_VALUE);
    }

    long whole(String name, long largest) {
      int before = problems.size();
      double d = number(name);
      if (problems.size() > before) {
        return 1;
      }
      try {
        long exact = new BigDecimal(text(name)).longValueExact();
        if (exact >= -largest && exact <= largest) {
          return exact;
        }
      } catch (ArithmeticException | NumberFormatException e) {
        // A fraction, NaN, or beyond a long: the message below says so.
      }
      problems.add("%s must be a whole number of at most %,d, got %s".formatted(name, largest, value(name)));
      return 1;
    }

    List<String> list(String name) {
      return switch (value(name)) {
        case List<?> items -> items.stream().map(String::valueOf).toList();
        case String s when s.isEmpty() -> List.of();
        default -> List.of(text(name).split("\\s*,\\s*"));
      };
    }

    <E> E choice(String name, E[] options, java.util.function.Function<E, String> key) {
      String text = text(name).toLowerCase(Locale.ROOT);
      List<String> keys = new ArrayList<>();
      for (E option : options) {
        keys.add(key.apply(option));
        if (key.apply(option).equals(text)) {
          return option;
        }
      }
      problems.add("%s must be one of %s, got \"%s\"".formatted(name, keys, value(name)));
      return options[0];
    }
  }
}
