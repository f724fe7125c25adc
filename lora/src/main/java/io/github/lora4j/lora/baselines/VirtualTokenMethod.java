package io.github.lora4j.lora.baselines;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.config.LoraConfigJson;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.Initial;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.lora.settings.Settings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Learnt tokens before every sequence: "prompt-tuning" and "prefix-tuning" in a recipe, with PEFT's settings. */
public abstract sealed class VirtualTokenMethod implements AdapterMethod {

  /** PEFT wraps the model once less than with other methods. */
  static final String BASE = "base_model.";

  /** PEFT's key of what is learnt. */
  static final String EMBEDDINGS = "prompt_embeddings";

  private static final Pattern LAYER = Pattern.compile(".*?\\.(\\d+)\\..*");
  private static final List<String> WORDS = List.of("word_embeddings", "embed_tokens", "wte", "shared");
  private static final List<String> KEYS = List.of("key", "k_proj", "key_proj");
  /** Tasks whose labels belong to sequences, or leave room for virtual tokens. */
  private static final List<String> TASKS = List.of("SEQ_CLS", "FEATURE_EXTRACTION", "CAUSAL_LM");

  private final String name;
  private final String peftType;
  private final Map<String, Object> defaults;

  private VirtualTokenMethod(String name, String peftType, Map<String, Object> defaults) {
    this.name = name;
    this.peftType = peftType;
    this.defaults = defaults;
  }

  /** Prompt tuning. */
  public static final class Prompt extends VirtualTokenMethod {
    /** For the service loader. */
    public Prompt() {
      super("prompt-tuning", "PROMPT_TUNING", nullable("prompt_tuning_init", "RANDOM", "prompt_tuning_init_text", null,
          "tokenizer_kwargs", null, "tokenizer_name_or_path", null));
    }

    @Override
    Adapter adapter(Map<String, Object> config, ModelDescription model, int tokens, ModuleInfo words, List<AdapterParameter> saved,
        boolean strict) {
      return new PromptAdapter(config, words, tokens, saved);
    }
  }

  /** Prefix tuning. */
  public static final class Prefix extends VirtualTokenMethod {
    /** For the service loader. */
    public Prefix() {
      super("prefix-tuning", "PREFIX_TUNING", nullable("encoder_hidden_size", null, "init_weights", null, "prefix_projection", false));
    }

    @Override
    Adapter adapter(Map<String, Object> config, ModelDescription model, int tokens, ModuleInfo words, List<AdapterParameter> saved,
        boolean strict) {
      int dim = keys(model).orElseThrow();
      PrefixAdapter.Prefix prefix = new PrefixAdapter.Prefix(config, tokens, layers(model), dim, saved);
      return strict ? new PrefixAdapter(prefix) : new PrefixAdapter.Stored(prefix);
    }
  }

  /**
   * The adapter.
   *
   * @param strict whether it is to be trained; otherwise it is restored as files hold it
   */
  abstract Adapter adapter(Map<String, Object> config, ModelDescription model, int tokens, ModuleInfo words, List<AdapterParameter> saved,
      boolean strict);

  @Override
  public String name() {
    return name;
  }

  @Override
  public String peftType() {
    return peftType;
  }

  @Override
  public OptionalDouble learningRate() {
    return OptionalDouble.of(1e-2);
  }

  @Override
  public Adapter create(Map<String, ?> settings, ModelDescription model) {
    return read(settings, model, name, true);
  }

  @Override
  public Adapter restore(Map<String, ?> config, ModelDescription model) {
    return read(config, model, "adapter_config.json", false);
  }

  private Adapter read(Map<String, ?> values, ModelDescription model, String where, boolean strict) {
    Problems problems = new Problems();
    Settings in = new Settings(values, problems);
    BaselineSettings shared = BaselineSettings.read(in);
    int tokens = in.integer("num_virtual_tokens", 0);
    if (tokens < 1 || tokens > 1 << 16) {
      problems.add("num_virtual_tokens must be set, between 1 and %d, got %s", 1 << 16, in.any("num_virtual_tokens").orElse("nothing"));
    }
    List<ModuleInfo> words = model.modules().stream()
        .filter(m -> m.kind() == ModuleInfo.Kind.EMBEDDING && WORDS.contains(m.leaf())).toList();
    if (words.size() != 1) {
      problems.add("%s needs a model with one embedding of words; this %s model has %s", name, model.modelType(),
          words.stream().map(ModuleInfo::name).toList());
    }
    if (this instanceof Prefix && keys(model).isEmpty()) {
      problems.add("prefix-tuning needs attention modules named %s, all of one width; this %s model has none", String.join(", ", KEYS),
          model.modelType());
    }
    Map<String, Object> config = new LinkedHashMap<>(shared.config(peftType));
    int dim = this instanceof Prefix ? keys(model).orElse(0) : words.isEmpty() ? 0 : words.getFirst().out();
    describe(config, in, problems, model, dim, strict);
    config.put("num_virtual_tokens", tokens);
    if (strict) {
      in.refuseUnknown();
      shared.check(problems, model);
      Object task = shared.names().get("task_type");
      if (task != null && !TASKS.contains(task)) {
        problems.add("%s works with tasks of %s, got %s", name, String.join(", ", TASKS), task);
      }
    } else {
      in.unknown().forEach(key -> config.put(key, values.get(key)));
    }
    problems.raise(where);
    List<AdapterParameter> saved = BaseTraining.select(model, module -> shared.saves(module.name()), false, BASE);
    return adapter(config, model, tokens, words.getFirst(), saved, strict);
  }

  /** What PEFT notes of the model; other values belong to another model. Settings with a default alone have no other value here. */
  private void describe(Map<String, Object> config, Settings in, Problems problems, ModelDescription model, int dim,
      boolean strict) {
    Map<String, Object> known = nullable("num_layers", layers(model), "num_transformer_submodules", 1, "token_dim", dim);
    known.forEach((key, value) -> {
      Object got = in.any(key).orElse(value);
      if (!got.equals(value)) {
        problems.add("%s is %s, but this %s model has %s", key, got, model.modelType(), value);
      }
      config.put(key, value);
    });
    // PEFT reads the number of heads from the model where it is not set.
    config.put("num_attention_heads", in.any("num_attention_heads").orElse(null));
    config.put("auto_mapping", in.any("auto_mapping").orElse(null));
    config.put("revision", in.any("revision").orElse(null));
    config.put("inference_mode", true);
    config.put("peft_version", in.any("peft_version").orElse(LoraConfigJson.PEFT_VERSION));
    in.any("inference_mode");
    defaults.forEach((key, value) -> {
      Object got = in.any(key).orElse(value);
      // How a saved prompt started is told by nothing in its tensors, which hold a prefix behind its projection.
      if (strict && got != null && !got.equals(value)) {
        problems.add("%s must be %s, got %s: virtual tokens start from random values and train directly", key, value, got);
      }
      config.put(key, got);
    });
  }

  private static int layers(ModelDescription model) {
    return model.modules().stream().map(m -> LAYER.matcher(m.name())).filter(Matcher::matches).mapToInt(m -> Integer.parseInt(m.group(1)))
        .max().orElse(-1) + 1;
  }

  /** What is learnt as files hold it; it starts as torch's embeddings do, which is PEFT's default. */
  static AdapterParameter embeddings(int tokens, int columns) {
    return new AdapterParameter(EMBEDDINGS, EMBEDDINGS, List.of((long) tokens, (long) columns), 0, new Initial.Normal(1));
  }

  /** Columns of the keys of every layer. */
  static OptionalInt keys(ModelDescription model) {
    int[] widths = model.modules().stream().filter(m -> m.kind() == ModuleInfo.Kind.LINEAR && KEYS.contains(m.leaf()))
        .mapToInt(ModuleInfo::out).distinct().toArray();
    return widths.length == 1 ? OptionalInt.of(widths[0]) : OptionalInt.empty();
  }

  private static Map<String, Object> nullable(@Nullable Object... entries) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < entries.length; i += 2) {
      map.put(String.valueOf(entries[i]), entries[i + 1]);
    }
    return map;
  }
}
