package io.github.lora4j.lora.files;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.ForwardingAdapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * An adapter with modules of the base beside it that the base's files lack and that stayed as they were drawn, such as the pooler of a bare
 * encoder: without them nobody else would compute what was trained. They are saved as modules that train whole are (modules_to_save), which
 * PEFT loads, and come back as such.
 */
public final class DrawnModules extends ForwardingAdapter {

  private final List<AdapterParameter> drawn;
  private final Set<String> modules;

  private DrawnModules(Adapter of, List<AdapterParameter> drawn, Set<String> modules) {
    super(of);
    this.drawn = drawn;
    this.modules = modules;
  }

  /**
   * Puts them beside an adapter. Those that it trains are with it already; those that it adapts have no place in its files beside what
   * adapts them, and are left out.
   *
   * @param trained closed here, unless it is what comes back
   * @param drawn F32 values of parameters of the base, as files store them, by their names
   */
  public static LoadedAdapter beside(LoadedAdapter trained, ModelDescription model, Map<String, MemorySegment> drawn) {
    Adapter adapter = trained.adapter();
    List<AdapterParameter> more = new ArrayList<>();
    Set<String> modules = new LinkedHashSet<>();
    for (ModuleInfo module : model.modules()) {
      boolean adapted = adapts(adapter, module.name());
      ModelDescription.parameters(module).forEach((name, shape) -> {
        if (drawn.containsKey(name) && !adapted && adapter.parameters().stream().noneMatch(p -> p.slot().equals(name))) {
          more.add(AdapterParameter.ofBase(module, name, adapter.basePrefix() + name, shape, 0));
          modules.add(module.name());
        }
      });
    }
    if (more.isEmpty()) {
      return trained;
    }
    return around(trained, more, modules, drawn::get);
  }

  /** Whether an adapter has parameters of its own in a module, beside which PEFT's files have no place for the module's own. */
  public static boolean adapts(Adapter adapter, String module) {
    return adapter.parameters().stream().anyMatch(p -> !p.ofBase() && p.slot().startsWith(module + "."));
  }

  private static LoadedAdapter around(LoadedAdapter of, List<AdapterParameter> drawn, Set<String> modules, Function<String, MemorySegment> source) {
    DrawnModules with = new DrawnModules(of.adapter(), drawn, modules);
    AdapterValues beside = new AdapterValues(drawn);
    drawn.forEach(p -> beside.get(p.slot()).copyFrom(source.apply(p.slot())));
    return new LoadedAdapter(with, AdapterValues.from(with.parameters(), (p, target) ->
        (drawn.contains(p) ? beside : of.values()).copyTo(p.slot(), target), () -> {
          beside.close();
          of.close();
        }));
  }

  @Override
  public List<AdapterParameter> parameters() {
    List<AdapterParameter> all = new ArrayList<>(super.parameters());
    all.addAll(drawn);
    return all;
  }

  @Override
  public boolean frozen(String parameter) {
    return super.frozen(parameter) || drawn.stream().anyMatch(p -> p.slot().equals(parameter));
  }

  @Override
  public Map<String, Object> peftConfig() {
    Map<String, Object> config = new LinkedHashMap<>(super.peftConfig());
    List<Object> saved = new ArrayList<>(config.get("modules_to_save") instanceof List<?> list ? list : List.of());
    saved.addAll(modules);
    config.put("modules_to_save", saved);
    return config;
  }

  @Override
  public Optional<LoadedAdapter> stored(AdapterValues values) {
    return super.stored(values).map(form -> around(form, values));
  }

  @Override
  public LoadedAdapter onUntouchedBase(AdapterValues values, AdapterValues start) {
    return around(super.onUntouchedBase(values, start), values);
  }

  @Override
  public LoadedAdapter mergeable(AdapterValues values) {
    return around(super.mergeable(values), values);
  }

  @Override
  public LoadedAdapter toLora(AdapterValues values) {
    return around(super.toLora(values), values);
  }

  private LoadedAdapter around(LoadedAdapter form, AdapterValues values) {
    return around(form, drawn, modules, values::get);
  }
}
