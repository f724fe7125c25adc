package io.github.lora4j.lora;

import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.settings.Settings;
import io.github.lora4j.vector.ConfigException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.ServiceLoader;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * A way to fine-tune, found by {@link ServiceLoader}. A recipe holds a method's name and its settings, a directory of PEFT its type and
 * config.
 */
public interface AdapterMethod {

  /** The name in a recipe: "lora". */
  String name();

  /** PEFT's {@code peft_type}: "LORA". */
  String peftType();

  /**
   * An adapter to be trained.
   *
   * @param settings the recipe's, under PEFT's key names
   * @throws ConfigException naming everything that is wrong with the settings, by themselves and for this model
   */
  Adapter create(Map<String, ?> settings, ModelDescription model);

  /**
   * The adapter that a saved config describes. Settings that select nothing do not stop it, since what was trained is in the tensors: they
   * become {@link Adapter#notes}.
   *
   * @param config the content of {@code adapter_config.json}
   */
  Adapter restore(Map<String, ?> config, ModelDescription model);

  /** The learning rate that a recipe gets which says nothing; empty: the trainer's. */
  default OptionalDouble learningRate() {
    return OptionalDouble.empty();
  }

  /**
   * The method of this name; with a plus behind it, the method with the parameter groups of {@link LoraPlus}.
   *
   * @throws ConfigException when there is none, or two methods have one name or one {@code peft_type}
   */
  static AdapterMethod named(String name) {
    boolean plus = name.endsWith("+");
    String plain = plus ? name.substring(0, name.length() - 1) : name;
    if (plain.endsWith("+")) {
      throw new ConfigException("method '%s': one plus, for LoRA+, is all that may stand behind a method's name".formatted(Settings.brief(name)));
    }
    AdapterMethod method = find(m -> m.name().equals(plain), "method '" + Settings.brief(plain) + "'");
    return plus ? new LoraPlusMethod(method) : method;
  }

  /** The method of this {@code peft_type}; errors as for {@link #named}. */
  static AdapterMethod ofPeftType(String type) {
    return find(method -> method.peftType().equals(type), "peft_type '" + type + "'");
  }

  private static AdapterMethod find(Predicate<AdapterMethod> wanted, String what) {
    List<AdapterMethod> all = ServiceLoader.load(AdapterMethod.class).stream().map(ServiceLoader.Provider::get).toList();
    requireDistinct(all, AdapterMethod::name, "are named");
    requireDistinct(all, AdapterMethod::peftType, "have the peft_type");
    return all.stream().filter(wanted).findFirst().orElseThrow(() -> new ConfigException("%s is not available; there are: %s".formatted(
        what,
        String.join(", ", all.stream().map(m -> m.name() + " (" + m.peftType() + ")").sorted().toList()))));
  }

  private static void requireDistinct(List<AdapterMethod> methods, Function<AdapterMethod, String> by, String what) {
    Map<String, AdapterMethod> seen = new HashMap<>();
    for (AdapterMethod method : methods) {
      AdapterMethod other = seen.put(by.apply(method), method);
      if (other != null) {
        throw new ConfigException("two methods %s \"%s\": %s and %s; leave one of them out of the class path".formatted(what, by.apply(method),
            other.getClass().getName(), method.getClass().getName()));
      }
    }
  }
}
