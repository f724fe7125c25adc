package io.github.lora4j.adalora;

import io.github.lora4j.adalora.BudgetSchedule.Convention;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.lora.settings.Settings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** {@link AdaLoraConfig} from a recipe's settings, and to and from the keys of PEFT's {@code adapter_config.json}. */
final class AdaLoraConfigJson {

  private static final String SUFFIX = ".lora_E";
  /** What PEFT's class inherits from LoRA's and does not use, or refuses. */
  private static final List<String> UNUSED = List.of("use_dora", "use_rslora", "lora_bias", "alpha_pattern", "target_parameters", "layer_replication",
      "trainable_token_indices", "ensure_weight_tying");

  private AdaLoraConfigJson() {}

  /**
   * Reads settings.
   *
   * @param recipe whether they are a recipe's, whose defaults train (see the README), or a saved adapter's, whose defaults are PEFT's
   */
  static AdaLoraConfig read(Map<String, ?> values, ModelDescription model, String where, boolean recipe) {
    Problems problems = new Problems();
    Settings in = new Settings(values, problems);
    int initR = in.integer("init_r", 12);
    int targetR = in.integer("target_r", 8);
    OptionalInt total = whole(in, "target_total_rank");
    OptionalInt tinit = whole(in, "tinit");
    OptionalInt tfinal = whole(in, "tfinal");
    OptionalInt deltaT = whole(in, "deltaT");
    OptionalInt steps = whole(in, "total_step");
    double beta1 = in.number("beta1", 0.85);
    double beta2 = in.number("beta2", 0.85);
    double orthogonality = in.number("orth_reg_weight", recipe ? 0.1 : 0.5);
    Convention convention = in.string("convention").map(name -> convention(in, name)).orElse(recipe ? Convention.AUTHORS : Convention.PEFT);
    Map<String, List<Boolean>> pattern = pattern(in, recipe);
    in.any("peft_type");
    in.any("r").filter(r -> recipe).ifPresent(r -> problems.add("r has no meaning for AdaLoRA: set init_r and target_r"));
    UNUSED.forEach(key -> in.any(key).filter(AdaLoraConfigJson::isSet).ifPresent(value -> problems.add("%s does not apply to AdaLoRA, got %s",
        key, value)));
    Map<String, Object> shared = new LinkedHashMap<>(values);
    in.known().forEach(shared::remove);
    shared.put("r", Math.max(1, initR));
    if (recipe) {
      shared.putIfAbsent("lora_alpha", AdaLoraMethod.DEFAULT_ALPHA);
    }
    shared.computeIfAbsent("target_modules", key -> defaultTargets(model).orElse(null));
    problems.raise(where);
    LoraConfig lora = recipe ? LoraConfig.ofSettings(shared) : LoraConfig.ofPeft(shared);
    return new AdaLoraConfig(lora, initR, targetR, total, tinit, tfinal, deltaT, steps, beta1, beta2, orthogonality, convention, pattern);
  }

  private static OptionalInt whole(Settings in, String key) {
    return in.any(key).isPresent() ? OptionalInt.of(in.integer(key, 0)) : OptionalInt.empty();
  }

  private static Convention convention(Settings in, String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "authors", "original" -> Convention.AUTHORS;
      case "peft" -> Convention.PEFT;
      default -> in.<Convention>wrong("convention", "authors or peft", name).orElse(Convention.AUTHORS);
    };
  }

  /** PEFT's {"…query.lora_E": [true, …]}, without the suffix; some versions leave the adapter's name behind it. */
  private static Map<String, List<Boolean>> pattern(Settings in, boolean recipe) {
    Map<String, List<Boolean>> kept = new LinkedHashMap<>();
    in.any("rank_pattern").ifPresent(value -> {
      if (recipe) {
        in.wrong("rank_pattern", "absent: AdaLoRA finds the ranks", value);
      } else if (value instanceof Map<?, ?> entries) {
        entries.forEach((key, list) -> {
          String module = String.valueOf(key).replaceFirst("\\.lora_E(\\.default)?$", "");
          List<Boolean> bits = new ArrayList<>();
          if (list instanceof List<?> items && items.stream().allMatch(Boolean.class::isInstance)) {
            items.forEach(bit -> bits.add((Boolean) bit));
            kept.put(module, bits);
          } else {
            in.wrong("rank_pattern[" + key + "]", "a list of true and false", list);
          }
        });
      } else {
        in.wrong("rank_pattern", "a map from module to a list of true and false", value);
      }
    });
    return kept;
  }

  private static boolean isSet(Object value) {
    return !(value instanceof Boolean b && !b || value instanceof Map<?, ?> map && map.isEmpty() || value instanceof List<?> list && list.isEmpty());
  }

  /** AdaLoRA's own targets, which differ from LoRA's. */
  private static Optional<Object> defaultTargets(ModelDescription model) {
    return switch (model.places().adaLora()) {
      case TargetModules.Names names -> Optional.of(names.names());
      case TargetModules.Regex regex -> Optional.of(regex.regex());
      case TargetModules.AllLinear _ -> Optional.of("all-linear");
      case TargetModules.Unset _ -> Optional.empty();
    };
  }

  /** The keys of PEFT's file. */
  static Map<String, Object> write(AdaLoraConfig config, LoraConfig lora) {
    Map<String, Object> out = new LinkedHashMap<>(lora.toPeft());
    out.put("peft_type", "ADALORA");
    out.put("r", 8);
    out.put("init_r", config.initR());
    out.put("target_r", config.targetR());
    out.put("tinit", config.tinit().orElse(0));
    out.put("tfinal", config.tfinal().orElse(0));
    out.put("deltaT", config.deltaT().orElse(1));
    out.put("total_step", config.totalStep().isPresent() ? config.totalStep().getAsInt() : null);
    out.put("beta1", config.beta1());
    out.put("beta2", config.beta2());
    out.put("orth_reg_weight", config.orthRegWeight());
    Map<String, Object> pattern = new LinkedHashMap<>();
    config.rankPattern().forEach((module, kept) -> pattern.put(module + SUFFIX, kept));
    out.put("rank_pattern", pattern.isEmpty() ? null : pattern);
    return out;
  }
}
