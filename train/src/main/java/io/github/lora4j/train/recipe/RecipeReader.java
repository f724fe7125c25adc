package io.github.lora4j.train.recipe;

import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import java.math.BigDecimal;
import java.nio.charset.Charset;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Makes a recipe of settings by their names, collecting every problem. */
final class RecipeReader {

  private static final String RATE = "optimizer.learning_rate";

  private final Map<String, Object> values;
  private final List<String> problems;

  RecipeReader(Map<String, Object> values, List<String> problems) {
    this.values = new TreeMap<>(values);
    this.problems = new ArrayList<>(problems);
  }

  Recipe recipe() {
    TrainingTask task = task();
    Recipe.AdapterChoice adapter = adapter();
    Recipe.Data data = data(task);
    Recipe.Training training = new Recipe.Training(optimizer(), number("epochs"), integer("max_steps"), integer("batch_size"),
        integer("gradient_accumulation"), whole("seed", Long.MAX_VALUE), new Recipe.Reports(integer("log_every"), integer("eval_every"),
        integer("save_every"), integer("keep_checkpoints"),
        new Recipe.BestModel(yes("load_best_model_at_end"), text("metric_for_best_model"), integer("early_stopping_patience"),
        number("early_stopping_threshold")),
        new Recipe.Samples(integer("samples"), prompts(), integer("sample_tokens"))));
    Recipe.Computing computing = new Recipe.Computing(integer("threads"), backend(), text("weights"), integer("max_tokens"),
        choice("recompute", List.of(Recipe.Recompute.values()), Recipe.Recompute::key));
    for (String required : List.of("model", "output")) {
      if (text(required).isEmpty()) {
        problems.add("%s is required".formatted(required));
      }
    }
    Path model = path("model");
    Path output = path("output");
    problems.addAll(RecipeChecks.problems(task, data, adapter, training, computing));
    RecipeChecks.raise(problems);
    return new Recipe(model, output, task, data, adapter, training, computing);
  }

  private TrainingTask task() {
    TrainingTask task = choice("task", List.copyOf(RecipeKeys.tasks().values()), TrainingTask::name);
    Map<String, Object> own = TaskKeys.values(task);
    RecipeKeys.tasks().values().forEach(other -> TaskKeys.values(other).keySet().stream()
        .filter(key -> values.containsKey(key) && !own.containsKey(key))
        .forEach(key -> problems.add("%s is a setting of task %s, but the task is %s".formatted(key, other.name(), task.name()))));
    int before = problems.size();
    Map<String, Object> read = new LinkedHashMap<>();
    own.forEach((key, standard) -> read.put(key, switch (standard) {
      case Integer i -> integer(key);
      case Long l -> whole(key, Long.MAX_VALUE);
      case Double d -> number(key);
      case Boolean b -> yes(key);
      case Map<?, ?> m -> map(key);
      default -> text(key); // TaskKeys lets no other type through
    }));
    try {
      return problems.size() > before ? task : TaskKeys.with(task, read::get);
    } catch (ConfigException e) {
      problems.add(e.getMessage());
      return task;
    }
  }

  private Map<String, Object> map(String key) {
    Map<String, Object> map = new LinkedHashMap<>();
    if (!(values.getOrDefault(key, Map.of()) instanceof Map<?, ?> given)) {
      problems.add("%s must be names with values, such as {enable_thinking: false}, got %s".formatted(key, values.get(key)));
      return map;
    }
    given.forEach((name, value) -> map.put(String.valueOf(name), value));
    return map;
  }

  private Recipe.AdapterChoice adapter() {
    Map<String, Object> settings = new LinkedHashMap<>();
    values.forEach((key, value) -> {
      if (key.startsWith(RecipeKeys.ADAPTER)) {
        settings.put(key.substring(RecipeKeys.ADAPTER.length()), exponent(value));
      }
    });
    if (!values.containsKey(RATE)) {
      try {
        AdapterMethod.named(text("method")).learningRate().ifPresent(rate -> values.put(RATE, rate));
      } catch (ConfigException e) {
        problems.add(e.getMessage());
      }
    }
    return new Recipe.AdapterChoice(text("method"), settings, text("start_from").isEmpty() ? "" : path("start_from").toString());
  }

  private Recipe.Data data(TrainingTask task) {
    DataSpec columns = new DataSpec(optional("data.format"), text("data.text"), optional("data.text_pair"), optional("data.label"),
        integer("data.limit"), task.typedRows() ? Optional.of(typed()) : Optional.empty());
    return new Recipe.Data(optional("data.train").map(file -> path("data.train")), optional("data.eval").map(file -> path("data.eval")), columns,
        list("data.labels"), integer("data.max_length"));
  }

  private DataSpec.Typed typed() {
    try {
      return new DataSpec.Typed(list("data.columns"), list("data.roles"));
    } catch (ConfigException e) {
      problems.add(e.getMessage());
      return new DataSpec.Typed(List.of(), List.of());
    }
  }

  private Recipe.Optimizer optimizer() {
    if (text("optimizer.name").equals("lorafa")) {
      values.putIfAbsent("optimizer.eps", 1e-6); // PEFT's default for it
    }
    Recipe.Moments moments = new Recipe.Moments(number("optimizer.beta1"), number("optimizer.beta2"), number("optimizer.eps"));
    Recipe.Warmup schedule = new Recipe.Warmup(choice("optimizer.schedule", List.of(Schedule.Kind.values()), Schedule.Kind::key),
        integer("optimizer.warmup_steps"), number("optimizer.warmup_ratio"),
        new Schedule.Decay(number("optimizer.min_lr"), number("optimizer.min_lr_rate"), integer("optimizer.num_decay_steps")));
    return new Recipe.Optimizer(text("optimizer.name"), number(RATE), number("optimizer.weight_decay"), moments,
        number("optimizer.max_grad_norm"), schedule);
  }

  private String backend() {
    String backend = text("backend");
    int device = integer("device");
    if (device < 0) {
      return backend;
    }
    if (backend.equals("auto") || backend.contains(":")) {
      problems.add("device %d needs a backend by its name alone, such as opencl; got %s".formatted(device, backend));
    }
    return backend + ":" + device;
  }

  /** YAML 1.1 takes 5e-2, without a point, for text. */
  private static Object exponent(Object value) {
    return value instanceof String s && s.matches("[-+]?\\d{1,9}[eE][-+]?\\d{1,3}") ? (Object) Double.parseDouble(s) : value;
  }

  private @Nullable Object value(String name) {
    return values.getOrDefault(name, RecipeKeys.all().get(name));
  }

  private String text(String name) {
    return String.valueOf(value(name));
  }

  private Optional<String> optional(String name) {
    return Optional.of(text(name)).filter(s -> !s.isEmpty());
  }

  /** A path; one that begins with "~/" is in the home directory, as a shell would have it. */
  private Path path(String name) {
    String text = text(name);
    try {
      return text.equals("~") || text.startsWith("~/") ? Path.of(System.getProperty("user.home") + text.substring(1)) : Path.of(text);
    } catch (InvalidPathException e) {
      String encoding = System.getProperty("sun.jnu.encoding");
      problems.add("%s is not a path: %s".formatted(name, Charset.forName(encoding).newEncoder().canEncode(text) ? e.getReason()
          : "it has characters that are not in %s, the encoding of file names here; set LC_ALL=C.UTF-8".formatted(encoding)));
      return Path.of("");
    }
  }

  private boolean yes(String name) {
    String text = text(name);
    if (!text.equals("true") && !text.equals("false")) {
      problems.add("%s must be true or false, got \"%s\"".formatted(name, text));
    }
    return text.equals("true");
  }

  private double number(String name) {
    if (value(name) instanceof Number n) {
      return n.doubleValue();
    }
    try {
      return Double.parseDouble(text(name));
    } catch (NumberFormatException e) {
      problems.add("%s must be a number, got \"%s\"".formatted(name, value(name)));
      return standard(name).doubleValue();
    }
  }

  private int integer(String name) {
    return (int) whole(name, Integer.MAX_VALUE);
  }

  private long whole(String name, long largest) {
    int before = problems.size();
    number(name);
    if (problems.size() > before) {
      return standard(name).longValue();
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
    return standard(name).longValue();
  }

  /** What stands in for a value that is wrong, so that the others can be judged. */
  private static Number standard(String name) {
    return (Number) Objects.requireNonNull(RecipeKeys.all().get(name), "a key of a number");
  }

  private List<String> list(String name) {
    return switch (Objects.requireNonNull(value(name), name)) {
      case List<?> items -> items.stream().map(String::valueOf).toList();
      case String s when s.isEmpty() -> List.of();
      default -> List.of(text(name).split("\\s*,\\s*"));
    };
  }

  /** A prompt may hold commas: a lone text is one prompt. */
  private List<String> prompts() {
    return value("sample_prompts") instanceof String one && !one.isEmpty() ? List.of(one) : list("sample_prompts");
  }

  private <E> E choice(String name, List<E> options, Function<E, String> key) {
    String text = text(name).toLowerCase(Locale.ROOT);
    for (E option : options) {
      if (key.apply(option).equals(text)) {
        return option;
      }
    }
    problems.add("%s must be one of %s, got \"%s\"".formatted(name, options.stream().map(key).toList(), value(name)));
    return options.getFirst();
  }
}
