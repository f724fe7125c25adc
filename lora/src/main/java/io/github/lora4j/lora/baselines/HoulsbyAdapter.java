package io.github.lora4j.lora.baselines;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.Initial;
import io.github.lora4j.vector.Activation;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Adapters of Houlsby et al. ("Parameter-Efficient Transfer Learning for NLP", ICML 2019), the AdapterH of the LoRA paper: behind the
 * attention and the feed-forward block of every layer, before the residual, y + f(y·Dᵀ + d)·Uᵀ + u with D [size, out] and U [out, size].
 * Weights start near zero, so the model starts as it is; the layers' norms train too. PEFT has no such method: the directory is lora4j's
 * own, in the form of PEFT's.
 */
public final class HoulsbyAdapter implements Adapter {

  /** Standard deviation of the weights at the start (section 3.6 of the paper). */
  static final double STD = 1e-2;

  /**
   * What is set.
   *
   * @param targets the last linear module of each block, by the end of its name
   * @param size rows of D
   */
  record Options(List<String> targets, int size, Activation nonLinearity, boolean norms) {}

  private record Site(AdapterParameter down, AdapterParameter downBias, AdapterParameter up, AdapterParameter upBias) {}

  private final Options options;
  private final Map<String, Object> config = new LinkedHashMap<>();
  private final Map<String, Site> sites = new LinkedHashMap<>();
  private final List<AdapterParameter> parameters = new ArrayList<>();

  HoulsbyAdapter(Options options, ModelDescription model, List<ModuleInfo> blocks, BaselineSettings shared) {
    this.options = options;
    for (ModuleInfo block : blocks) {
      Initial small = new Initial.Normal(STD);
      int out = block.out();
      Site site = new Site(AdapterParameter.matrix(block.name() + ".adapter_down.weight", options.size, out, 0, small),
          AdapterParameter.of(block.name() + ".adapter_down.bias", List.of((long) options.size), 1, Initial.ZEROS),
          AdapterParameter.matrix(block.name() + ".adapter_up.weight", out, options.size, 0, small),
          AdapterParameter.of(block.name() + ".adapter_up.bias", List.of((long) out), 1, Initial.ZEROS));
      sites.put(block.name(), site);
      parameters.addAll(List.of(site.down, site.downBias, site.up, site.upBias));
    }
    // "The layer normalization parameters per layer": not the one of the embeddings, which lies below every adapter.
    parameters.addAll(BaseTraining.select(model, module -> shared.saves(module.name())
        || options.norms && module.kind() == ModuleInfo.Kind.LAYER_NORM && !module.name().contains("embeddings."), false,
        AdapterParameter.PREFIX));
    config.putAll(shared.config("HOULSBY"));
    config.put("target_modules", options.targets);
    config.put("bottleneck_size", options.size);
    config.put("non_linearity", options.nonLinearity.name().toLowerCase(Locale.ROOT));
    config.put("train_layer_norms", options.norms);
  }

  @Override
  public List<AdapterParameter> parameters() {
    return Collections.unmodifiableList(parameters);
  }

  @Override
  public Map<String, Object> peftConfig() {
    return Collections.unmodifiableMap(config);
  }

  @Override
  public Value blockOutput(Sites recording, String module, Value y) {
    Site site = sites.get(module);
    if (site == null) {
      return y;
    }
    Graph graph = recording.graph();
    Value down = graph.linear(y, site.down.declare(recording), site.downBias.declare(recording));
    return graph.linearOnto(graph.activate(options.nonLinearity, down), site.up.declare(recording), site.upBias.declare(recording), y, 1);
  }
}
