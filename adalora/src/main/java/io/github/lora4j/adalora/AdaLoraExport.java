package io.github.lora4j.adalora;

import io.github.lora4j.adalora.AdaLoraAdapter.Site;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.config.LayerChoice;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.vector.ConfigException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Trained AdaLoRA in other forms. */
final class AdaLoraExport {

  private AdaLoraExport() {}

  /** Values without the pruned rows of A and E and columns of B, in the order they had. */
  static LoadedAdapter resized(AdaLoraAdapter from, AdaLoraAdapter to, AdapterValues values) {
    AdapterValues small = new AdapterValues(to.parameters());
    for (Site site : to.sites().values()) {
      List<Boolean> kept = of(to.config().rankPattern(), site.module());
      Site whole = of(from.sites(), site.module());
      int at = 0;
      for (int i = 0; i < kept.size(); i++) {
        if (kept.get(i)) {
          row(values, whole.a(), i, small, site.a(), at);
          row(values, whole.e(), i, small, site.e(), at);
          column(values, whole.b(), i, small, site.b(), at);
          at++;
        }
      }
    }
    to.parameters().stream().filter(AdapterParameter::ofBase).forEach(p -> small.get(p.slot()).copyFrom(values.get(p.slot())));
    return new LoadedAdapter(to, small);
  }

  /** What is kept for a module; both adapters have the same ones. */
  private static <T> T of(Map<String, T> byModule, String module) {
    return Objects.requireNonNull(byModule.get(module), module);
  }

  private static void row(AdapterValues from, AdapterParameter p, int i, AdapterValues to, AdapterParameter q, int j) {
    long bytes = p.shape().getLast() * Float.BYTES;
    MemorySegment.copy(from.get(p.slot()), i * bytes, to.get(q.slot()), j * bytes, bytes);
  }

  private static void column(AdapterValues from, AdapterParameter p, int i, AdapterValues to, AdapterParameter q, int j) {
    long columns = p.shape().getLast();
    long fewer = q.shape().getLast();
    for (long row = 0; row < p.shape().getFirst(); row++) {
      to.get(q.slot()).setAtIndex(ValueLayout.JAVA_FLOAT, row * fewer + j, from.get(p.slot()).getAtIndex(ValueLayout.JAVA_FLOAT, row * columns + i));
    }
  }

  /**
   * Plain LoRA with the same function: A' = E∘A, B' = B, rank and alpha of each module such that alpha/rank is AdaLoRA's scaling; modules
   * without ranks are left out. Keys of the patterns are module names as they are, as PEFT writes them: a dot matches itself too.
   */
  static LoadedAdapter toLora(AdaLoraAdapter adapter, AdapterValues values) {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    Map<String, Double> alphas = new LinkedHashMap<>();
    adapter.sites().values().stream().filter(site -> site.rank() > 0).forEach(site -> {
      ranks.put(site.module(), site.rank());
      alphas.put(site.module(), adapter.scaling() * site.rank());
    });
    if (ranks.isEmpty()) {
      throw new ConfigException("adalora: no module has a rank left, so there is nothing to export");
    }
    LoraConfig config = adapter.lora().config().toBuilder()
        .targetModules(new TargetModules.Names(adapter.sites().values().stream().filter(site -> site.rank() > 0).map(Site::module).toList()))
        .excludeModules(TargetModules.UNSET).layers(LayerChoice.ALL)
        .r(adapter.config().initR()).rankPattern(ranks).alphaPattern(alphas).build();
    LoraAdapter lora = new LoraMethod().restore(config, adapter.lora().model());
    AdapterValues plain = new AdapterValues(lora.parameters());
    lora.sites().forEach((module, site) -> {
      Site of = of(adapter.sites(), module);
      MemorySegment a = plain.get(site.a().slot());
      MemorySegment e = values.get(of.e().slot());
      a.copyFrom(values.get(of.a().slot()));
      int in = site.target().module().in();
      for (long i = 0; i < (long) of.rank() * in; i++) {
        a.setAtIndex(ValueLayout.JAVA_FLOAT, i, a.getAtIndex(ValueLayout.JAVA_FLOAT, i) * e.getAtIndex(ValueLayout.JAVA_FLOAT, i / in));
      }
      plain.get(site.b().slot()).copyFrom(values.get(of.b().slot()));
    });
    lora.parameters().stream().filter(AdapterParameter::ofBase).forEach(p -> plain.get(p.slot()).copyFrom(values.get(p.slot())));
    return new LoadedAdapter(lora, plain);
  }
}
