package io.github.lora4j.lora.sets;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An adapter of an {@link AdapterSet}, as plain LoRA with values of its own.
 *
 * @param was the class of the adapter it was made from
 * @param saved linear modules that it replaces whole, a head as a rule, by name
 */
record SetMember(String name, Class<?> was, LoraAdapter adapter, AdapterValues values, Map<String, ModuleInfo> saved) implements AutoCloseable {

  /**
   * Copies an adapter.
   *
   * @throws ConfigException when what it does is no sum that rows could take or leave, saying what and why
   */
  static SetMember of(String name, ModelDescription model, Adapter adapter, AdapterValues values) {
    LoadedAdapter lora;
    try {
      lora = adapter.toLora(values);
    } catch (ConfigException e) {
      throw new ConfigException(("adapter '%s' cannot share a model with others: contributions are added up and chosen row by row, which "
          + "only s·B·A allows, and %s; use it alone, or merge it into the base model").formatted(name, e.getMessage()), e);
    }
    if (!(lora.adapter() instanceof LoraAdapter plain)) {
      lora.close();
      throw new ConfigException("adapter '%s': %s gave no plain LoRA".formatted(name, adapter.getClass().getSimpleName()));
    }
    try {
      Map<String, ModuleInfo> saved = new LinkedHashMap<>();
      Problems problems = check(plain, lora.values(), model, saved);
      problems.raise("adapter '" + name + "'");
      return new SetMember(name, adapter.getClass(), plain, lora.values(), Map.copyOf(saved));
    } catch (RuntimeException e) {
      lora.close();
      throw e;
    }
  }

  private static Problems check(LoraAdapter adapter, AdapterValues values, ModelDescription model, Map<String, ModuleInfo> saved) {
    Problems problems = new Problems();
    List<String> slots = adapter.parameters().stream().map(AdapterParameter::slot).toList();
    List<String> known = new ArrayList<>();
    for (ModuleInfo module : model.modules()) {
      if (module.kind() == ModuleInfo.Kind.LINEAR && slots.contains(module.name() + ".weight")) {
        saved.put(module.name(), module);
        known.addAll(List.of(module.name() + ".weight", module.name() + ".bias"));
      }
    }
    adapter.sites().forEach((module, site) -> {
      if (!model.modules().contains(site.target().module())) {
        problems.add("it was made for another model: %s is %s there, and this model has no such module", module, site.target().module());
      }
      site.parameters().forEach(p -> known.add(p.slot()));
      if (site.magnitude().isPresent()) {
        problems.add("DoRA on %s multiplies the module's whole output, so it is no sum with other adapters (PEFT refuses it in mixed "
            + "batches too); use it alone, or merge it into the base model", module);
      }
      if (!site.embedding() && site.target().module().kind() != ModuleInfo.Kind.LINEAR
          && site.target().module().kind() != ModuleInfo.Kind.CONV1D) {
        problems.add("%s is a %s; sets hold LoRA on linear modules and embeddings", module, site.target().module().kind().torchName());
      }
    });
    List<String> others = slots.stream().filter(slot -> !known.contains(slot)).toList();
    if (!others.isEmpty()) {
      problems.add("it trains parameters that the other adapters read too, so only one such adapter can be on a model: %s; a set "
          + "takes bias 'none', and in modules_to_save linear modules", Names.list(others));
    }
    for (AdapterParameter p : adapter.parameters()) {
      MemorySegment value = values.get(p.slot());
      for (long i = 0; i < p.elements(); i++) {
        if (!Float.isFinite(value.getAtIndex(ValueLayout.JAVA_FLOAT, i))) {
          problems.add("element %d of %s is %s, which would spoil every row of a batch, of other adapters too", i, p.key(),
              value.getAtIndex(ValueLayout.JAVA_FLOAT, i));
          break;
        }
      }
    }
    return problems;
  }

  /** The largest rank of its sites. */
  int rank() {
    return adapter.sites().values().stream().mapToInt(site -> site.target().rank()).max().orElse(0);
  }

  /** Whether it adds to biases. */
  boolean biases() {
    return adapter.sites().values().stream().anyMatch(site -> site.bias().isPresent());
  }

  /** The rest of the values' life is over. */
  @Override
  public void close() {
    values.close();
  }
}
