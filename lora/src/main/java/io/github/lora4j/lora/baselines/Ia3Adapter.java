package io.github.lora4j.lora.baselines;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.StoredCopy;
import io.github.lora4j.lora.internal.Elements;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.Initial;
import io.github.lora4j.lora.parameters.WeightChange;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.vector.ConfigException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * (IA)³ (Liu et al., "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning", NeurIPS 2022) with PEFT's
 * names: a trained vector l, at first all ones, multiplies the output of a module, bias included, or the input of a feed-forward module.
 */
public final class Ia3Adapter implements Adapter {

  /** An adapted module; {@code feedforward} says that its input is scaled. */
  record Site(ModuleInfo module, boolean feedforward, AdapterParameter l) {}

  private final Map<String, Object> config;
  private final Map<String, Site> sites = new LinkedHashMap<>();
  private final List<AdapterParameter> parameters = new ArrayList<>();
  private final LoraAdapter saved;

  /**
   * Makes the vectors.
   *
   * @param selected modules to scale
   * @param feedforward those of them whose inputs are scaled
   * @param saved an adapter that knows which of the base model's parameters train too
   */
  Ia3Adapter(Map<String, Object> config, List<ModuleInfo> selected, List<String> feedforward, LoraAdapter saved) {
    this.config = config;
    this.saved = saved;
    for (ModuleInfo module : selected) {
      boolean input = feedforward.contains(module.name());
      String slot = module.name() + ".ia3_l";
      AdapterParameter l = new AdapterParameter(slot, AdapterParameter.PREFIX + slot, input ? List.of(1L, (long) module.in())
          : List.of((long) module.out(), 1L), 0, Initial.ONES, AdapterParameter.Layout.ROW);
      sites.put(module.name(), new Site(module, input, l));
      parameters.add(l);
    }
    saved.parameters().stream().filter(AdapterParameter::ofBase).forEach(parameters::add);
  }

  @Override
  public List<AdapterParameter> parameters() {
    return Collections.unmodifiableList(parameters);
  }

  @Override
  public OptionalInt trainableGroup(String parameter) {
    return saved.trainableGroup(parameter);
  }

  @Override
  public boolean untied(String module) {
    return saved.untied(module);
  }

  @Override
  public Set<String> sharedChanges() {
    return saved.sharedChanges();
  }

  @Override
  public List<StoredCopy> storedCopies() {
    return saved.storedCopies();
  }

  @Override
  public List<String> notes() {
    return saved.notes();
  }

  @Override
  public Map<String, Object> peftConfig() {
    return Collections.unmodifiableMap(config);
  }

  @Override
  public Value linearInput(Sites recording, String module, Value x) {
    Site site = sites.get(module);
    return site == null || !site.feedforward ? x : recording.graph().scaleColumns(x, site.l.declare(recording));
  }

  @Override
  public Value linear(Sites recording, LinearSite of, Value y) {
    Site site = sites.get(of.module());
    return site == null || site.feedforward ? y : recording.graph().scaleColumns(y, site.l.declare(recording));
  }

  /** W∘l by rows or columns; a bias is scaled with the output. */
  @Override
  public Map<String, WeightChange> weightChanges(AdapterValues values) {
    Map<String, WeightChange> changes = new LinkedHashMap<>();
    sites.values().forEach(site -> {
      ModuleInfo m = site.module;
      MemorySegment l = values.get(site.l.slot());
      boolean conv1d = m.kind() == ModuleInfo.Kind.CONV1D;
      // The weight is stored [out, in], Conv1D's [in, out]; l belongs to out, or to in where the input is scaled.
      boolean byRow = conv1d == site.feedforward;
      String weight = m.name() + ".weight";
      int rows = conv1d ? m.in() : m.out();
      int cols = conv1d ? m.out() : m.in();
      changes.put(weight, (type, data) -> {
        if (!type.isFloat()) {
          throw new ConfigException("merge: %s is stored as %s; (IA)3 merges into F32, F64, F16 and BF16".formatted(weight, type));
        }
        double[] row = new double[cols];
        for (int i = 0; i < rows; i++) {
          Elements.load(type, data, (long) i * cols, row);
          for (int j = 0; j < cols; j++) {
            row[j] *= l.getAtIndex(ValueLayout.JAVA_FLOAT, byRow ? i : j);
          }
          Elements.store(weight, type, row, data, (long) i * cols);
        }
      });
      if (m.bias() && !site.feedforward) {
        changes.put(m.name() + ".bias", (type, data) -> {
          double[] row = new double[m.out()];
          Elements.load(type, data, 0, row);
          for (int j = 0; j < row.length; j++) {
            row[j] *= l.getAtIndex(ValueLayout.JAVA_FLOAT, j);
          }
          Elements.store(m.name() + ".bias", type, row, data, 0);
        });
      }
    });
    return changes;
  }
}
