package io.github.lora4j.train.export;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.Weights;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A base checkpoint under the names of an adapted model: other heads left out, and a frozen part of the head that the base lacks (the
 * pooler of a bare encoder) as the run drew it from its seed. Closing it closes nothing.
 */
final class TaskWeights implements Checkpoint {

  private final Checkpoint base;
  private final Weights weights;
  private final Map<String, String> sources = new LinkedHashMap<>();
  private final Map<String, List<Long>> drawn = new LinkedHashMap<>();

  /** With what was drawn, drawn again. */
  TaskWeights(Checkpoint base, AdaptedModel adapted, Adapter adapter, long seed) {
    this(base, adapted, adapter, seed, true);
  }

  /** Refuses an adapter beside which something was drawn, for nobody knows from what seed. */
  TaskWeights(Checkpoint base, AdaptedModel adapted, Adapter adapter) {
    this(base, adapted, adapter, 0, false);
  }

  private TaskWeights(Checkpoint base, AdaptedModel adapted, Adapter adapter, long seed, boolean seeded) {
    Model model = adapted.model();
    this.base = base;
    weights = new Weights(List.of(base), model, seed);
    Map<String, List<Long>> parameters = new LinkedHashMap<>();
    model.modules().forEach(module -> parameters.putAll(ModelDescription.parameters(module)));
    parameters.keySet().forEach(name -> weights.source(name).ifPresent(source -> sources.put(name, source)));
    model.loneParameters().forEach(name -> weights.source(name).ifPresent(source -> sources.putIfAbsent(name, source)));
    keepOthers(base, model);
    Set<String> trained = adapter.parameters().stream().filter(AdapterParameter::ofBase).map(AdapterParameter::slot)
        .map(slot -> slot.substring(adapted.prefix().length())).collect(Collectors.toSet());
    List<String> lacking = new ArrayList<>();
    parameters.forEach((name, shape) -> {
      if (!sources.containsKey(name) && !trained.contains(name) && !model.tied().containsKey(name)) {
        lacking.add(name);
        drawn.put(name, shape);
      }
    });
    if (!lacking.isEmpty() && !seeded) {
      throw new ConfigException(("%s: neither the model nor the adapter has %s, which was drawn at random when the adapter was trained; merge the "
          + "run's directory, which knows the seed")
          .formatted(base.describe(), lacking));
    }
  }

  /** Parts of the base model that the program has not recorded, such as a pooler, stay in it; other heads do not. */
  private void keepOthers(Checkpoint base, Model model) {
    String prefix = model.architecture().facts().prefix();
    boolean whole = base.names().stream().anyMatch(name -> name.startsWith(prefix));
    Set<String> recorded = model.modules().stream().map(ModuleInfo::name).collect(Collectors.toSet());
    for (String name : base.names()) {
      if (name.indexOf('.') < 0 && model.head() instanceof Head.LanguageModel) {
        // Of the model with its head itself, of no module in it: BART's final_logits_bias.
        sources.put(name, name);
      } else if (name.startsWith(prefix) || !whole) {
        String inside = name.startsWith(prefix) ? name.substring(prefix.length()) : name;
        String part = model.prefix() + inside.split("\\.", 2)[0];
        if (!recorded.contains(part)) {
          sources.put(model.prefix() + inside, name);
        }
      }
    }
  }

  @Override
  public Set<String> names() {
    Map<String, Object> all = new LinkedHashMap<>(sources);
    all.putAll(drawn);
    return all.keySet();
  }

  /** The base's name of a tensor; empty for one that was drawn. */
  Optional<String> source(String name) {
    return drawn.containsKey(name) ? Optional.empty() : Optional.of(sources.getOrDefault(name, name));
  }

  @Override
  public TensorInfo info(String name) {
    if (drawn.containsKey(name)) {
      return new TensorInfo(name, DType.F32, drawn.get(name));
    }
    TensorInfo info = base.info(sources.getOrDefault(name, name));
    return new TensorInfo(name, info.dtype(), info.shape());
  }

  @Override
  public void read(String name, DType as, MemorySegment target) {
    List<Long> shape = drawn.get(name);
    if (shape == null) {
      base.read(sources.getOrDefault(name, name), as, target);
      return;
    }
    int last = Math.toIntExact(shape.getLast());
    weights.read(new ProgramBuilder().frozen(name, shape.size() == 1 ? Shape.vector(last) : Shape.of(Math.toIntExact(shape.getFirst()), last)),
        as, target);
  }

  @Override
  public void read(String name, WeightFormat as, MemorySegment target) {
    if (drawn.containsKey(name)) {
      Checkpoint.super.read(name, as, target);
    } else {
      base.read(sources.getOrDefault(name, name), as, target);
    }
  }

  @Override
  public WeightFormat stored(String name) {
    return drawn.containsKey(name) ? WeightFormat.F32 : base.stored(sources.getOrDefault(name, name));
  }

  @Override
  public boolean turned(String name) {
    return !drawn.containsKey(name) && base.turned(sources.getOrDefault(name, name));
  }

  @Override
  public Map<String, String> metadata() {
    return base.metadata();
  }

  @Override
  public String describe() {
    return base.describe();
  }

  @Override
  public void close() {}
}
