package io.github.lora4j.lora.config;

import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.lora.settings.Problems;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The settings of a LoRA adapter, with PEFT's fields and defaults (Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models",
 * ICLR 2022). A module's output becomes y + s·B(A(dropout(x))) with s = alpha/r, or alpha/√r with {@code useRslora}.
 *
 * <p>Made by {@link #builder()}; every problem of a config is reported in one {@link io.github.lora4j.vector.ConfigException}. PEFT accepts
 * {@code lora_alpha=0} and a negative dropout silently, here they are errors.
 *
 * @param taskType what the model is for; a classification task trains the head too
 * @param r rank of the update
 * @param loraAlpha numerator of the scale
 * @param loraDropout dropout on the branch's input, in [0, 1)
 * @param targetModules which modules are adapted
 * @param excludeModules which are not, even if targeted: names or a regular expression
 * @param layers only these layers; not with a regular expression
 * @param rankPattern rank of modules that match a regular expression, first match wins
 * @param alphaPattern the same for alpha
 * @param bias which biases train too
 * @param fanInFanOut PEFT's flag for weights stored [in, out]; lora4j knows each module's layout and only records the flag
 * @param useRslora scale by alpha/√r (Kalajdzievski, arXiv 2312.03732)
 * @param useDora magnitude and direction apart (Liu et al., "DoRA: Weight-Decomposed Low-Rank Adaptation", ICML 2024): the weight becomes
 *     m·(W + s·B·A)/‖W + s·B·A‖ with a trained m for each output
 * @param loraBias a trained bias behind B, scaled like B
 * @param modulesToSave modules that train fully and are saved in the adapter
 * @param initLoraWeights how A and B start
 * @param reach bare parameters, tokens, replicated layers, tied weights
 * @param baseModel the base model's name, for the files
 * @param revision the base model's revision, for the files
 * @param other keys of an {@code adapter_config.json} that lora4j does not know; written back as they were
 */
public record LoraConfig(Optional<TaskType> taskType, int r, double loraAlpha, double loraDropout, TargetModules targetModules,
    TargetModules excludeModules,
    LayerChoice layers, Map<String, Integer> rankPattern, Map<String, Double> alphaPattern,
        Bias bias,
    boolean fanInFanOut, boolean useRslora, boolean useDora, boolean loraBias, List<String> modulesToSave, InitLoraWeights initLoraWeights,
    Reach reach, Optional<String> baseModel, Optional<String> revision, Map<String, Object> other) {

  /** Copies the collections and checks the values. */
  public LoraConfig {
    rankPattern = Collections.unmodifiableMap(new LinkedHashMap<>(rankPattern));
    alphaPattern = Collections.unmodifiableMap(new LinkedHashMap<>(alphaPattern));
    modulesToSave = List.copyOf(modulesToSave);
    other = Collections.unmodifiableMap(new LinkedHashMap<>(other));
    Problems problems = new Problems();
    LoraChecks.scale(problems, new LoraChecks.Scale(r, loraAlpha, rankPattern, alphaPattern, useRslora));
    LoraChecks.targets(problems, targetModules, excludeModules, layers, reach);
    LoraChecks.branch(problems, loraDropout, useDora, loraBias, initLoraWeights);
    reach.check(problems, loraDropout, useDora, loraBias);
    problems.raise("LoraConfig");
  }

  /** PEFT's defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /** A builder that starts from this config. */
  public Builder toBuilder() {
    Builder b = new Builder();
    b.taskType = taskType.orElse(null);
    b.r = r;
    b.loraAlpha = loraAlpha;
    b.loraDropout = loraDropout;
    b.targetModules = targetModules;
    b.excludeModules = excludeModules;
    b.layers = layers;
    b.rankPattern = rankPattern;
    b.alphaPattern = alphaPattern;
    b.bias = bias;
    b.fanInFanOut = fanInFanOut;
    b.useRslora = useRslora;
    b.useDora = useDora;
    b.loraBias = loraBias;
    b.modulesToSave = modulesToSave;
    b.initLoraWeights = initLoraWeights;
    b.reach = reach;
    b.baseModel = baseModel.orElse(null);
    b.revision = revision.orElse(null);
    b.other = other;
    return b;
  }

  /**
   * Reads a recipe's settings: PEFT's key names, values as YAML or JSON give them (Map, List, String, Number, Boolean).
   *
   * @throws io.github.lora4j.vector.ConfigException naming every wrong value, every feature that is not supported yet, and for every
   *     unknown key the nearest known one
   */
  public static LoraConfig ofSettings(Map<String, ?> settings) {
    return LoraConfigJson.read(settings, "lora", true);
  }

  /** Reads the content of an {@code adapter_config.json}; keys unknown here are kept in {@link #other}. */
  public static LoraConfig ofPeft(Map<String, ?> config) {
    return LoraConfigJson.read(config, "adapter_config.json", false);
  }

  /** The content of an {@code adapter_config.json}: every key that PEFT 0.21 writes, and {@link #other}. */
  public Map<String, Object> toPeft() {
    return LoraConfigJson.write(this);
  }

  /** {@link #modulesToSave} and the head of the task, as PEFT adds it. */
  public List<String> allModulesToSave() {
    List<String> all = new ArrayList<>(modulesToSave);
    taskType.ifPresent(task -> task.heads().stream().filter(head -> !all.contains(head)).forEach(all::add));
    return all;
  }

  /** s for a module of this rank and alpha. */
  public double scaling(int rank, double alpha) {
    return alpha / (useRslora ? Math.sqrt(rank) : rank);
  }

  /** Collects settings; {@link #build} checks them. */
  public static final class Builder {

    private @Nullable TaskType taskType;
    private int r = 8;
    private double loraAlpha = 8;
    private double loraDropout;
    private TargetModules targetModules = TargetModules.UNSET;
    private TargetModules excludeModules = TargetModules.UNSET;
    private LayerChoice layers = LayerChoice.ALL;
    private Map<String, Integer> rankPattern = Map.of();
    private Map<String, Double> alphaPattern = Map.of();
    private Bias bias = Bias.NONE;
    private boolean fanInFanOut;
    private boolean useRslora;
    private boolean useDora;
    private boolean loraBias;
    private List<String> modulesToSave = List.of();
    private InitLoraWeights initLoraWeights = InitLoraWeights.DEFAULT;
    private Reach reach = Reach.NONE;
    private @Nullable String baseModel;
    private @Nullable String revision;
    private Map<String, Object> other = Map.of();

    private Builder() {}

    /** Sets {@link LoraConfig#taskType}. */
    public Builder taskType(TaskType value) {
      taskType = value;
      return this;
    }

    /** Sets {@link LoraConfig#r}; 8 by default. */
    public Builder r(int value) {
      r = value;
      return this;
    }

    /** Sets {@link LoraConfig#loraAlpha}; 8 by default. */
    public Builder loraAlpha(double value) {
      loraAlpha = value;
      return this;
    }

    /** Sets {@link LoraConfig#loraDropout}; 0 by default. */
    public Builder loraDropout(double value) {
      loraDropout = value;
      return this;
    }

    /** Sets {@link LoraConfig#targetModules} by name or ending. */
    public Builder targetModules(String... names) {
      return targetModules(TargetModules.of(names));
    }

    /** Sets {@link LoraConfig#targetModules}; the architecture's table by default. */
    public Builder targetModules(TargetModules value) {
      targetModules = value;
      return this;
    }

    /** Sets {@link LoraConfig#excludeModules}; nothing by default. */
    public Builder excludeModules(TargetModules value) {
      excludeModules = value;
      return this;
    }

    /** Sets {@link LoraConfig#layers}; all by default. */
    public Builder layers(LayerChoice value) {
      layers = value;
      return this;
    }

    /** Sets {@link LoraConfig#rankPattern}, in the order of matching. */
    public Builder rankPattern(Map<String, Integer> value) {
      rankPattern = value;
      return this;
    }

    /** Sets {@link LoraConfig#alphaPattern}, in the order of matching. */
    public Builder alphaPattern(Map<String, Double> value) {
      alphaPattern = value;
      return this;
    }

    /** Sets {@link LoraConfig#bias}; none by default. */
    public Builder bias(Bias value) {
      bias = value;
      return this;
    }

    /** Sets {@link LoraConfig#fanInFanOut}; false by default. */
    public Builder fanInFanOut(boolean value) {
      fanInFanOut = value;
      return this;
    }

    /** Sets {@link LoraConfig#useRslora}; false by default. */
    public Builder useRslora(boolean value) {
      useRslora = value;
      return this;
    }

    /** Sets {@link LoraConfig#useDora}; false by default. */
    public Builder useDora(boolean value) {
      useDora = value;
      return this;
    }

    /** Sets {@link LoraConfig#loraBias}; false by default. */
    public Builder loraBias(boolean value) {
      loraBias = value;
      return this;
    }

    /** Sets {@link LoraConfig#modulesToSave}; the task's head is added by itself. */
    public Builder modulesToSave(List<String> value) {
      modulesToSave = value;
      return this;
    }

    /** Sets {@link LoraConfig#initLoraWeights}. */
    public Builder initLoraWeights(InitLoraWeights value) {
      initLoraWeights = value;
      return this;
    }

    /** Sets {@link LoraConfig#reach}; whole modules only by default. */
    public Builder reach(Reach value) {
      reach = value;
      return this;
    }

    /** Sets {@link LoraConfig#baseModel}. */
    public Builder baseModel(String value) {
      baseModel = value;
      return this;
    }

    /** Sets {@link LoraConfig#revision}. */
    public Builder revision(String value) {
      revision = value;
      return this;
    }

    /** Sets {@link LoraConfig#other}. */
    public Builder other(Map<String, Object> value) {
      other = value;
      return this;
    }

    /** What {@link #build} would complain about. */
    public List<String> problems() {
      Problems problems = new Problems();
      LoraChecks.scale(problems, new LoraChecks.Scale(r, loraAlpha, rankPattern, alphaPattern, useRslora));
      LoraChecks.targets(problems, targetModules, excludeModules, layers, reach);
      LoraChecks.branch(problems, loraDropout, useDora, loraBias, initLoraWeights);
      reach.check(problems, loraDropout, useDora, loraBias);
      return problems.list();
    }

    /** The config; wrong values are one error that names them all. */
    public LoraConfig build() {
      return new LoraConfig(Optional.ofNullable(taskType), r, loraAlpha, loraDropout, targetModules, excludeModules, layers, rankPattern,
          alphaPattern, bias, fanInFanOut, useRslora, useDora, loraBias, modulesToSave, initLoraWeights, reach,
          Optional.ofNullable(baseModel), Optional.ofNullable(revision), other);
    }
  }
}
