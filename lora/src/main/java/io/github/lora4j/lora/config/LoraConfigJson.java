package io.github.lora4j.lora.config;

import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.lora.settings.Settings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** {@link LoraConfig} to and from the keys of {@code adapter_config.json}. */
public final class LoraConfigJson {

  /** The release whose config keys and file layout are written. */
  public static final String PEFT_VERSION = "0.21.0";

  /** Features that are known but not supported yet, in PEFT's words. */
  private static final Map<String, String> UNSUPPORTED = Map.ofEntries(
      Map.entry("loftq_config", "LoftQ"),
      Map.entry("corda_config", "CorDA"), Map.entry("lora_ga_config", "LoRA-GA"), Map.entry("velora_config", "VeLoRA"),
      Map.entry("kasa_config", "KaSA"), Map.entry("monteclora_config", "MonteCLoRA"), Map.entry("arrow_config", "Arrow"),
      Map.entry("use_bdlora", "block-diagonal LoRA"), Map.entry("use_qalora", "QA-LoRA"), Map.entry("alora_invocation_tokens",
          "activated LoRA"),
      Map.entry("megatron_config", "Megatron"));
  /** Keys without a meaning here: written with PEFT's value, not looked at when read. */
  private static final Set<String> IGNORED = Set.of("peft_type", "peft_version", "inference_mode", "qalora_group_size", "megatron_core",
      "auto_mapping", "runtime_config");
  private static final List<String> BASE_CHANGING = List.of("corda", "loftq", "lora_ga");
  private static final String EVA = "eva";

  private LoraConfigJson() {}

  /**
   * Reads a config.
   *
   * @param strict whether an unknown key is an error, as in a recipe; otherwise it is kept
   */
  public static LoraConfig read(Map<String, ?> values, String where, boolean strict) {
    Problems problems = new Problems();
    Settings in = new Settings(values, problems);
    LoraConfig.Builder to = LoraConfig.builder();
    in.string("peft_type").filter(type -> !type.equals("LORA")).ifPresent(type -> in.wrong("peft_type", "LORA", type));
    choice(in, "task_type", TaskType.values(), TaskType::name).ifPresent(to::taskType);
    to.r(in.integer("r", 8)).loraAlpha(in.number("lora_alpha", 8)).loraDropout(in.number("lora_dropout", 0));
    to.targetModules(targets(in, "target_modules")).excludeModules(targets(in, "exclude_modules"));
    List<Integer> layers = in.integers("layers_to_transform");
    List<String> patterns = in.strings("layers_pattern");
    to.layers(new LayerChoice(layers, patterns, List.of(in.any("layers_to_transform").filter(v -> v instanceof Number).orElse(layers),
        in.any("layers_pattern").filter(v -> v instanceof String).orElse(patterns))));
    to.rankPattern(in.integerMap("rank_pattern")).alphaPattern(in.numberMap("alpha_pattern"));
    choice(in, "bias", Bias.values(), Bias::peftName).ifPresent(to::bias);
    to.fanInFanOut(in.bool("fan_in_fan_out")).useRslora(in.bool("use_rslora")).useDora(in.bool("use_dora")).loraBias(in.bool("lora_bias"))
        .modulesToSave(in.strings("modules_to_save"));
    in.any("init_lora_weights").flatMap(value -> init(in, value, strict)).ifPresent(to::initLoraWeights);
    to.reach(reach(in, problems));
    in.string("base_model_name_or_path").ifPresent(to::baseModel);
    in.string("revision").ifPresent(to::revision);
    IGNORED.forEach(in::any);
    // EVA chooses the A that training starts from and leaves the base alone, so what it started is plain LoRA.
    in.any("eva_config").filter(_ -> strict).filter(LoraConfigJson::isSet)
        .ifPresent(_ -> problems.add("eva_config is set, but EVA is not supported yet"));
    new TreeMap<>(UNSUPPORTED).forEach((key, what) -> in.any(key).filter(LoraConfigJson::isSet)
        .ifPresent(value -> problems.add("%s is set, but %s is not supported yet", key, what)));
    if (strict) {
      in.refuseUnknown();
    }
    Map<String, Object> other = new LinkedHashMap<>();
    in.unknown().forEach(key -> other.put(key, values.get(key)));
    in.any("auto_mapping").ifPresent(value -> other.put("auto_mapping", value));
    in.any("eva_config").ifPresent(value -> other.put("eva_config", value));
    problems.addAll(to.problems());
    problems.raise(where);
    return to.other(other).build();
  }

  /** The keys of PEFT's file; null, false and empty values included. */
  public static Map<String, Object> write(LoraConfig config) {
    Map<String, Object> out = new LinkedHashMap<>();
    for (String key : UNSUPPORTED.keySet()) {
      out.put(key, null);
    }
    out.put("eva_config", null);
    out.put("use_qalora", false);
    Reach reach = config.reach();
    out.put("ensure_weight_tying", reach.ensureWeightTying());
    out.put("target_parameters", orNull(reach.targetParameters()));
    out.put("layer_replication", orNull(reach.layerReplication()));
    out.put("trainable_token_indices", reach.tokensOf().isEmpty() ? orNull(reach.tokens()) : reach.tokensOf());
    out.put("loftq_config", Map.of());
    out.put("auto_mapping", null);
    out.put("peft_type", "LORA");
    out.put("peft_version", PEFT_VERSION);
    out.put("inference_mode", true);
    out.put("qalora_group_size", 16);
    out.put("megatron_core", "megatron.core");
    out.put("task_type", config.taskType().map(TaskType::name).orElse(null));
    out.put("r", config.r());
    out.put("lora_alpha", number(config.loraAlpha()));
    out.put("lora_dropout", config.loraDropout());
    out.put("target_modules", write(config.targetModules()));
    out.put("exclude_modules", write(config.excludeModules()));
    out.put("layers_to_transform", config.layers().indices().isEmpty() ? null : config.layers().asWritten().getFirst());
    out.put("layers_pattern", config.layers().patterns().isEmpty() ? null : config.layers().asWritten().getLast());
    out.put("rank_pattern", config.rankPattern());
    Map<String, Object> alphas = new LinkedHashMap<>();
    config.alphaPattern().forEach((pattern, alpha) -> alphas.put(pattern, number(alpha)));
    out.put("alpha_pattern", alphas);
    out.put("bias", config.bias().peftName());
    out.put("fan_in_fan_out", config.fanInFanOut());
    out.put("use_rslora", config.useRslora());
    out.put("use_dora", config.useDora());
    out.put("lora_bias", config.loraBias());
    out.put("modules_to_save", orNull(config.allModulesToSave()));
    out.put("init_lora_weights", config.initLoraWeights() == InitLoraWeights.DEFAULT ? true
        : config.initLoraWeights() == InitLoraWeights.RANDOM ? (Object) false : config.initLoraWeights().peftName());
    out.put("base_model_name_or_path", config.baseModel().orElse(null));
    out.put("revision", config.revision().orElse(null));
    out.putAll(config.other());
    return out;
  }

  private static Reach reach(Settings in, Problems problems) {
    Optional<Object> tokens = in.any("trainable_token_indices");
    Map<String, List<Integer>> byModule = new LinkedHashMap<>();
    List<Integer> embedding = List.of();
    if (tokens.isPresent() && tokens.get() instanceof Map<?, ?> map) {
      map.forEach((module, indices) -> byModule.put(String.valueOf(module),
          new Settings(Collections.singletonMap("trainable_token_indices", indices), problems).integers("trainable_token_indices")));
    } else {
      embedding = in.integers("trainable_token_indices");
    }
    List<List<Integer>> ranges = new ArrayList<>();
    in.any("layer_replication").ifPresent(value -> {
      if (value instanceof Collection<?> items) {
        items.forEach(range -> ranges.add(new Settings(Collections.singletonMap("layer_replication", range), problems)
            .integers("layer_replication")));
      } else {
        in.wrong("layer_replication", "a list of [first, end]", value);
      }
    });
    return new Reach(in.strings("target_parameters"), embedding, byModule, ranges, in.bool("ensure_weight_tying"));
  }

  private static <T> Optional<T> choice(Settings in, String key, T[] values, java.util.function.Function<T, String> name) {
    return in.string(key).flatMap(text -> {
      Optional<T> match = Arrays.stream(values).filter(v -> name.apply(v).equals(text)).findFirst();
      return match.isPresent() ? match : in.<T>wrong(key, "one of " + String.join(", ", Arrays.stream(values).map(name).toList()), text);
    });
  }

  private static Optional<InitLoraWeights> init(Settings in, Object value, boolean strict) {
    if (value instanceof Boolean normal) {
      return Optional.of(normal ? InitLoraWeights.DEFAULT : InitLoraWeights.RANDOM);
    }
    String name = String.valueOf(value);
    Optional<InitLoraWeights> known = InitLoraWeights.of(name).filter(init -> !strict || init != InitLoraWeights.EVA);
    if (!strict && BASE_CHANGING.contains(name.toLowerCase(Locale.ROOT))) {
      return in.wrong("init_lora_weights", "a start whose base weights are in a file: with " + name + " the adapter is relative to weights that "
          + "were changed before training; save it in PEFT with path_initial_model_for_weight_conversion", value);
    }
    return known.isPresent() ? known : in.wrong("init_lora_weights",
        "true, false, gaussian, orthogonal, pissa, pissa_niter_N, olora or mica"
        + (BASE_CHANGING.contains(name.toLowerCase(Locale.ROOT)) || name.equalsIgnoreCase(EVA) ? " (" + name + " is not supported yet)" : ""), value);
  }

  private static TargetModules targets(Settings in, String key) {
    return in.any(key).map(value -> value instanceof String text
        ? text.equalsIgnoreCase("all-linear") ? TargetModules.ALL_LINEAR : new TargetModules.Regex(text)
        : new TargetModules.Names(in.strings(key))).orElse(TargetModules.UNSET);
  }

  private static @Nullable Object write(TargetModules targets) {
    return switch (targets) {
      case TargetModules.Unset _ -> null;
      case TargetModules.AllLinear _ -> "all-linear";
      case TargetModules.Regex regex -> regex.regex();
      case TargetModules.Names names -> names.names();
    };
  }

  /** PEFT's type is int, but its own conversions write fractions too. */
  private static Number number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1L << 53 ? (Number) (long) value : (Number) value;
  }

  private static @Nullable Object orNull(List<?> list) {
    return list.isEmpty() ? null : list;
  }

  private static boolean isSet(Object value) {
    return switch (value) {
      case Boolean b -> b;
      case Collection<?> items -> !items.isEmpty();
      case Map<?, ?> map -> !map.isEmpty();
      default -> true;
    };
  }
}
