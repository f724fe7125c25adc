package io.github.lora4j.lora;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * LoRA on a model's linear modules: y + s·(dropout(x)·Aᵀ)·Bᵀ with A [r, in] and B [out, r], named as PEFT names them. Made by
 * {@link LoraMethod}.
 */
public final class LoraAdapter implements Adapter {

  private static final int WEIGHTS = 0;
  private static final int BIASES = 1;

  /** An adapted module and its two matrices. */
  public record Site(TargetSelector.Selected target, AdapterParameter a, AdapterParameter b) {}

  private final LoraConfig config;
  private final ModelDescription model;
  private final Map<String, Site> sites = new LinkedHashMap<>();
  private final List<AdapterParameter> parameters = new ArrayList<>();
  private final Map<String, Integer> baseGroups = new LinkedHashMap<>();
  private final List<String> notes;

  LoraAdapter(LoraConfig config, ModelDescription model, TargetModules targets, List<TargetSelector.Selected> selected,
      List<String> notes) {
    this.notes = List.copyOf(notes);
    this.model = model;
    // As PEFT writes it: what was selected, not the shorthand, so that it loads the same on another class of the same model.
    TargetModules written = targets instanceof TargetModules.AllLinear ? new TargetModules.Names(selected.stream().map(s -> s.module()
        .name()).toList()) : targets;
    boolean conv1d = selected.stream().anyMatch(s -> s.module().kind() == ModuleInfo.Kind.CONV1D);
    this.config = config.toBuilder().targetModules(written).modulesToSave(config.allModulesToSave()).fanInFanOut(conv1d).build();
    for (TargetSelector.Selected target : selected) {
      ModuleInfo m = target.module();
      int r = target.rank();
      sites.put(m.name(), new Site(target,
          AdapterParameter.matrix(m.name() + ".lora_A.weight", r, m.in(), WEIGHTS, initialA(r, m.in())),
          AdapterParameter.matrix(m.name() + ".lora_B.weight", m.out(), r, WEIGHTS, initialB(r))));
    }
    sites.values().forEach(site -> parameters.addAll(List.of(site.a, site.b)));
    List<String> full = config.allModulesToSave();
    for (ModuleInfo module : model.modules()) {
      boolean saved = TargetSelector.inModulesToSave(module.name(), full);
      ModelDescription.parameters(module).forEach((name, shape) -> {
        boolean bias = name.endsWith(".bias");
        boolean adapted = sites.containsKey(module.name());
        if (saved || bias && (config.bias() == Bias.ALL || config.bias() == Bias.LORA_ONLY && adapted)) {
          // PEFT wraps an adapted module, so its own parameters sit one level deeper.
          String key = adapted ? module.name() + ".base_layer.bias" : name;
          boolean decays = !bias && module.kind() != ModuleInfo.Kind.LAYER_NORM;
          parameters.add(new AdapterParameter(name, AdapterParameter.PREFIX + key, shape, decays ? WEIGHTS : BIASES, Initial.FROM_BASE));
        }
      });
    }
    parameters.stream().filter(AdapterParameter::ofBase).forEach(p -> baseGroups.put(p.slot(), p.group()));
  }

  /** The settings, with the targets that were in force. */
  public LoraConfig config() {
    return config;
  }

  /** The model it was made for. */
  public ModelDescription model() {
    return model;
  }

  /** The adapted modules by name, in the model's order. */
  public Map<String, Site> sites() {
    return java.util.Collections.unmodifiableMap(sites);
  }

  @Override
  public List<AdapterParameter> parameters() {
    return java.util.Collections.unmodifiableList(parameters);
  }

  @Override
  public Map<String, Object> peftConfig() {
    return config.toPeft();
  }

  @Override
  public PeftFormat.Loaded toLora(AdapterValues values) {
    return new PeftFormat.Loaded(this, values.copy(parameters));
  }

  @Override
  public List<String> notes() {
    return notes;
  }

  @Override
  public OptionalInt trainableGroup(String parameter) {
    Integer group = baseGroups.get(parameter);
    return group == null ? OptionalInt.empty() : OptionalInt.of(group);
  }

  @Override
  public Value linear(Sites recording, LinearSite of, Value y) {
    String module = of.module();
    Value x = of.x();
    Site site = sites.get(module);
    if (site == null) {
      return y;
    }
    ModuleInfo m = site.target.module();
    if (x.shape().cols() != m.in() || y.shape().cols() != m.out()) {
      throw new ConfigException("lora(%s): the model maps %d features to %d here, but its description says %d to %d"
          .formatted(module, x.shape().cols(), y.shape().cols(), m.in(), m.out()));
    }
    Graph graph = recording.graph();
    Value dropped = recording.dropout(module + ".lora_dropout", x, config.loraDropout());
    Value down = graph.linear(dropped, site.a.declare(recording), Optional.empty());
    return graph.linear(down, site.b.declare(recording), Optional.empty(), Optional.of(y), site.target.scaling());
  }

  private Initial initialA(int r, int in) {
    return config.initLoraWeights() == InitLoraWeights.GAUSSIAN ? new Initial.Normal(1.0 / r) : new Initial.Uniform(1 / Math.sqrt(in));
  }

  private Initial initialB(int r) {
    return config.initLoraWeights() == InitLoraWeights.RANDOM ? new Initial.Uniform(1 / Math.sqrt(r)) : Initial.ZEROS;
  }
}
