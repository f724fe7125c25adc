package io.github.lora4j.train.recipe;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
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

  private final Map<String, Object> values = new TreeMap<>();
  private final List<String> problems = new ArrayList<>();

  /** Names of all settings with their defaults, those of every task included. */
  public static Map<String, Object> settings() {
    return RecipeKeys.all();
  }

  /** What a setting means, for help texts. */
  public static String meaning(String name) {
    return RecipeKeys.meaning(name);
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
      if (value instanceof Map<?, ?> inner && !name.startsWith(RecipeKeys.ADAPTER) && !(RecipeKeys.all().get(name) instanceof Map)) {
        flatten(file, name + ".", inner);
      } else {
        RecipeKeys.unknown(name).ifPresentOrElse(problem -> problems.add(file + problem), () -> put(name, value));
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
    RecipeKeys.unknown(name).ifPresent(problems::add);
    try {
      boolean text = RecipeKeys.all().get(name) instanceof String || !(value instanceof String);
      return put(name, text ? value : YAML.readValue((String) value, Object.class));
    } catch (JacksonException e) {
      throw new ConfigException("%s: \"%s\" is not a value: %s".formatted(name, value, e.getOriginalMessage()), e);
    }
  }

  /** Sets settings as a file has them: maps within maps, or dotted names; values are taken as they are. */
  public RecipeBuilder tree(Map<String, ?> tree) {
    flatten("", "", tree);
    return this;
  }

  /** Sets the settings of the adapter method, under PEFT's names. */
  public RecipeBuilder adapter(Map<String, ?> settings) {
    settings.forEach((key, value) -> set(RecipeKeys.ADAPTER + key, value));
    return this;
  }

  /** Leaves out the keys of tasks other than the recipe's own, which the files of older runs hold. */
  public RecipeBuilder withoutOtherTasks() {
    values.keySet().removeAll(ofOthers(values));
    return this;
  }

  /**
   * The validated recipe.
   *
   * @throws ConfigException listing every problem
   */
  public Recipe build() {
    return new RecipeReader(values, problems).recipe();
  }

  /** Every setting by its dotted name, defaults included, without those of other tasks. */
  public Map<String, Object> all() {
    Map<String, Object> all = new LinkedHashMap<>(RecipeKeys.all());
    all.putAll(values);
    all.keySet().removeAll(ofOthers(all));
    return all;
  }

  /** The keys of tasks that the recipe's own task does not have as well. */
  private static Set<String> ofOthers(Map<String, Object> recipe) {
    Set<String> keys = new HashSet<>();
    RecipeKeys.tasks().values().forEach(task -> keys.addAll(TaskKeys.values(task).keySet()));
    Optional.ofNullable(RecipeKeys.tasks().get(String.valueOf(recipe.get("task")))).ifPresent(own -> keys.removeAll(TaskKeys.values(own).keySet()));
    return keys;
  }

  /** The settings as YAML, defaults included, so that a run says all it did. */
  public String toYaml() {
    Map<String, Object> tree = new LinkedHashMap<>();
    all().forEach((key, value) -> {
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
}
