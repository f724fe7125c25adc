package io.github.lora4j.lora.sets;

import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.config.LayerChoice;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.internal.Matrix;
import io.github.lora4j.lora.internal.Svd;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.DoubleStream;

/**
 * Makes one LoRA adapter of several, each with a weight: PEFT's {@code add_weighted_adapter}. The result's own scale is 1, and every
 * source's scale enters exactly once (PEFT before 0.21 applied it twice in the svd types, and still gives sources with rsLoRA another √r).
 *
 * @param type how
 * @param svdRank rank of the result for the svd types; the largest of the sources by default
 * @param svdClamp for the svd types: elements beyond this quantile of all of A's and B's are cut to it
 * @param density share of elements that pruning keeps; needed by the types that prune
 * @param majority for the ties types
 * @param seed for what dare drops
 */
public record AdapterCombination(CombinationType type, OptionalInt svdRank, OptionalDouble svdClamp, OptionalDouble density,
    TensorMerge.MajoritySign majority, long seed) {

  /** An adapter, its values, and its weight, which may be negative. What is no LoRA is taken in its form as plain LoRA, AdaLoRA as a rule. */
  public record Source(Adapter adapter, AdapterValues values, double weight) {}

  /** The same as plain LoRA. */
  private record Plain(LoraAdapter adapter, AdapterValues values, double weight) {}

  /** Checks what the type needs. */
  public AdapterCombination {
    Problems problems = new Problems();
    if (type.prunes() && density.isEmpty()) {
      problems.add("%s needs a density, the share of elements to keep", type.peftName());
    }
    density.ifPresent(d -> {
      if (!(d >= 0 && d <= 1) || d == 0 && type.dare()) {
        problems.add("density: expected a share in [0, 1], above 0 for dare, got %s", d);
      }
    });
    svdRank.ifPresent(r -> {
      if (r < 1) {
        problems.add("svd_rank: expected at least 1, got %d", r);
      }
    });
    svdClamp.ifPresent(q -> {
      if (!(q > 0 && q <= 1)) {
        problems.add("svd_clamp: expected a quantile in (0, 1], got %s", q);
      }
    });
    problems.raise("adapter combination");
  }

  /** A combination without options, for svd, linear and cat. */
  public static AdapterCombination of(CombinationType type) {
    return new AdapterCombination(type, OptionalInt.empty(), OptionalDouble.empty(), OptionalDouble.empty(),
        TensorMerge.MajoritySign.TOTAL, 0);
  }

  /** A combination that prunes down to a share of the elements. */
  public static AdapterCombination of(CombinationType type, double density) {
    return new AdapterCombination(type, OptionalInt.empty(), OptionalDouble.empty(), OptionalDouble.of(density),
        TensorMerge.MajoritySign.TOTAL, 0);
  }

  /**
   * Combines. A single source is scaled as by linear.
   *
   * @return the new adapter, which the caller closes; settings other than rank, alpha and targets are those of the first source
   * @throws ConfigException when the sources are for different models, have no form as plain LoRA, are DoRA or have a lora_bias, train the same part
   * of the base model twice, or have unequal ranks where the type needs equal ones
   */
  public LoadedAdapter combine(List<Source> sources) {
    List<LoadedAdapter> converted = new ArrayList<>();
    try {
      List<Plain> plain = new ArrayList<>();
      for (Source source : sources) {
        if (source.adapter instanceof LoraAdapter lora) {
          plain.add(new Plain(lora, source.values, source.weight));
        } else {
          LoadedAdapter made = source.adapter.toLora(source.values);
          converted.add(made);
          plain.add(new Plain((LoraAdapter) made.adapter(), made.values(), source.weight));
        }
      }
      return combined(plain);
    } finally {
      converted.forEach(LoadedAdapter::close);
    }
  }

  private LoadedAdapter combined(List<Plain> sources) {
    CombinationType effective = sources.size() == 1 ? CombinationType.LINEAR : type;
    check(sources, effective);
    int rank = rank(sources, effective);
    LoraAdapter adapter = target(sources, rank);
    AdapterValues values = new AdapterValues(adapter.parameters());
    try {
      adapter.sites().forEach((module, site) -> {
        List<Plain> here = sources.stream().filter(s -> s.adapter.sites().containsKey(module)).toList();
        Factors factors = effective.svd() ? svd(module, here, rank, effective) : effective == CombinationType.CAT ? side(module, here)
            : elements(module, here, effective);
        store(factors, site, values);
      });
      adapter.parameters().stream().filter(AdapterParameter::ofBase).forEach(p ->
          values.get(p.slot()).copyFrom(owner(sources).values.get(p.slot())));
      return new LoadedAdapter(adapter, values);
    } catch (RuntimeException | Error e) {
      values.close();
      throw e;
    }
  }

  /** The new adapter on exactly the modules that a source adapts. */
  private static LoraAdapter target(List<Plain> sources, int rank) {
    LoraConfig owner = owner(sources).adapter.config();
    ModelDescription model = sources.getFirst().adapter.model();
    LoraConfig.Builder config = sources.getFirst().adapter.config().toBuilder().r(rank).loraAlpha(rank).useRslora(false).rankPattern(Map.of())
        .alphaPattern(Map.of()).initLoraWeights(InitLoraWeights.DEFAULT).bias(owner.bias()).modulesToSave(owner.allModulesToSave());
    Set<String> modules = new LinkedHashSet<>();
    sources.forEach(s -> modules.addAll(s.adapter.sites().keySet()));
    LoraAdapter alike = new LoraMethod().restore(config.targetModules(targets(sources)).build(), model);
    if (alike.sites().keySet().equals(modules)) {
      return alike;
    }
    // The first one's layers and exclusions do not hold for the others.
    return new LoraMethod().restore(config.targetModules(new TargetModules.Names(List.copyOf(modules))).excludeModules(TargetModules.UNSET)
        .layers(LayerChoice.ALL).build(), model);
  }

  /** An update B·A, whose scale is 1. */
  private record Factors(Matrix b, Matrix a) {}

  private static void check(List<Plain> sources, CombinationType type) {
    if (sources.isEmpty()) {
      throw new ConfigException("adapter combination: there is no adapter to combine");
    }
    Problems problems = new Problems();
    Set<String> base = new LinkedHashSet<>();
    for (int i = 0; i < sources.size(); i++) {
      LoraAdapter adapter = sources.get(i).adapter;
      if (!adapter.model().modules().equals(sources.getFirst().adapter.model().modules())) {
        problems.add("adapter %d is for a model with other modules than adapter 1", i + 1);
      }
      if (adapter.config().useDora() || adapter.config().loraBias()) {
        problems.add("adapter %d has %s, which is no part of B·A; only plain LoRA is combined", i + 1,
            adapter.config().useDora() ? "DoRA's magnitudes" : "a bias behind B");
      }
      if (adapter.config().initLoraWeights().changesBase()) {
        problems.add("adapter %d is relative to a changed base weight (init_lora_weights %s); convert it to plain LoRA first", i + 1,
            adapter.config().initLoraWeights().peftName());
      }
      List<String> twice = adapter.parameters().stream().filter(AdapterParameter::ofBase).map(AdapterParameter::slot).filter(s -> !base
          .add(s)).toList();
      if (!twice.isEmpty()) {
        problems.add("adapter %d trains parts of the base model that another one trains too, and they have no sum: %s", i + 1,
            Names.list(twice));
      }
      if (!Double.isFinite(sources.get(i).weight)) {
        problems.add("adapter %d has the weight %s", i + 1, sources.get(i).weight);
      }
    }
    List<Integer> ranks = sources.stream().map(s -> largestRank(s.adapter)).toList();
    if (!type.svd() && type != CombinationType.CAT && ranks.stream().distinct().count() > 1) {
      problems.add("%s adds A and B by themselves and needs equal ranks, got %s; use svd or cat", type.peftName(), ranks);
    }
    problems.raise("adapter combination");
  }

  private static int largestRank(LoraAdapter adapter) {
    return Math.max(adapter.config().r(), adapter.config().rankPattern().values().stream().mapToInt(r -> r).max().orElse(0));
  }

  private int rank(List<Plain> sources, CombinationType effective) {
    int largest = sources.stream().mapToInt(s -> largestRank(s.adapter)).max().orElseThrow();
    return effective.svd() ? svdRank.orElse(largest)
        : effective == CombinationType.CAT ? sources.stream().mapToInt(s -> largestRank(s.adapter)).sum() : largest;
  }

  /** The one source that holds trained parts of the base model, or the first. */
  private static Plain owner(List<Plain> sources) {
    return sources.stream().filter(s -> s.adapter.parameters().stream().anyMatch(AdapterParameter::ofBase))
        .findFirst().orElse(sources.getFirst());
  }

  private static TargetModules targets(List<Plain> sources) {
    List<TargetModules> targets = sources.stream().map(s -> s.adapter.config().targetModules()).toList();
    if (targets.stream().allMatch(t -> t instanceof TargetModules.Names)) {
      return new TargetModules.Names(targets.stream().flatMap(t -> ((TargetModules.Names) t).names().stream()).distinct().toList());
    }
    if (targets.stream().allMatch(t -> t instanceof TargetModules.Regex)) {
      return new TargetModules.Regex(String.join("|", targets.stream().map(t -> "(" + ((TargetModules.Regex) t).regex()
          + ")").distinct().toList()));
    }
    // Lists and expressions have no common form in the file, the modules' names have.
    return new TargetModules.Names(sources.stream().flatMap(s -> s.adapter.sites().keySet().stream()).distinct().toList());
  }

  private static LoraAdapter.Site site(Plain source, String module) {
    return Objects.requireNonNull(source.adapter.sites().get(module), "a module of this adapter");
  }

  private static Matrix a(Plain source, String module) {
    LoraAdapter.Site site = site(source, module);
    return Matrix.of(site.target().rank(), site.target().module().in(), source.values.get(site.a().slot()));
  }

  private static Matrix b(Plain source, String module) {
    LoraAdapter.Site site = site(source, module);
    return Matrix.of(site.target().module().out(), site.target().rank(), source.values.get(site.b().slot()));
  }

  private static double scale(Plain source, String module) {
    return source.weight * site(source, module).target().scaling();
  }

  private static Factors side(String module, List<Plain> sources) {
    Matrix a = stacked(sources.stream().map(s -> a(s, module).plus(scale(s, module) - 1, a(s, module))).toList());
    return new Factors(stacked(sources.stream().map(s -> b(s, module).transpose()).toList()).transpose(), a);
  }

  private static Matrix stacked(List<Matrix> parts) {
    double[] all = parts.stream().flatMapToDouble(m -> Arrays.stream(m.data())).toArray();
    return new Matrix(parts.stream().mapToInt(Matrix::rows).sum(), parts.getFirst().cols(), all);
  }

  private Factors elements(String module, List<Plain> sources, CombinationType effective) {
    List<Integer> ranks = sources.stream().map(s -> a(s, module).rows()).distinct().toList();
    if (ranks.size() > 1) {
      throw new ConfigException("adapter combination: %s has the ranks %s, but %s needs equal ones; use svd or cat".formatted(module, ranks,
          effective.peftName()));
    }
    // √|w·s| on both sides, the sign on one: two signs would cancel.
    double[] roots = sources.stream().mapToDouble(s -> Math.sqrt(Math.abs(scale(s, module)))).toArray();
    double[] signed = new double[roots.length];
    for (int i = 0; i < roots.length; i++) {
      signed[i] = scale(sources.get(i), module) < 0 ? -roots[i] : roots[i];
    }
    List<Matrix> a = sources.stream().map(s -> a(s, module)).toList();
    List<Matrix> b = sources.stream().map(s -> b(s, module)).toList();
    return new Factors(merged(b, roots, module + ".B", effective), merged(a, signed, module + ".A", effective));
  }

  private Matrix merged(List<Matrix> matrices, double[] weights, String name, CombinationType effective) {
    List<double[]> tensors = new ArrayList<>();
    for (Matrix matrix : matrices) {
      tensors.add(!effective.prunes() ? matrix.data() : effective.dare()
          ? TensorMerge.drop(matrix.data(), density.orElseThrow(), name + "." + tensors.size(), seed) : TensorMerge.prune(matrix.data(),
              density.orElseThrow()));
    }
    double[] data = effective.majority() ? TensorMerge.agree(tensors, weights, majority) : TensorMerge.sum(tensors, weights);
    return new Matrix(matrices.getFirst().rows(), matrices.getFirst().cols(), data);
  }

  private Factors svd(String module, List<Plain> sources, int rank, CombinationType effective) {
    Svd svd;
    if (effective == CombinationType.SVD) {
      Factors exact = side(module, sources);
      svd = Svd.ofProduct(exact.b, exact.a);
    } else {
      // The scale first: it decides which elements are small.
      List<Matrix> updates = sources.stream().map(s -> {
        Matrix product = b(s, module).times(a(s, module));
        return product.plus(site(s, module).target().scaling() - 1, product);
      }).toList();
      svd = Svd.of(merged(updates, sources.stream().mapToDouble(Plain::weight).toArray(), module, effective));
    }
    int kept = Math.min(rank, svd.s().length);
    Matrix b = svd.u().transpose().rows(0, kept).scaleRows(svd.s()).transpose();
    Matrix a = svd.vt().rows(0, kept);
    if (svdClamp.isEmpty()) {
      return new Factors(b, a);
    }
    double high = TensorMerge.quantile(DoubleStream.concat(Arrays.stream(b.data()), Arrays.stream(a.data())).toArray(),
        svdClamp.getAsDouble());
    return new Factors(clamped(b, high), clamped(a, high));
  }

  private static Matrix clamped(Matrix matrix, double high) {
    return new Matrix(matrix.rows(), matrix.cols(), TensorMerge.clamp(matrix.data(), high));
  }

  /** Fills up with ranks of zero. */
  private static void store(Factors factors, LoraAdapter.Site site, AdapterValues values) {
    int rank = site.target().rank();
    Matrix a = Matrix.zeros(rank, site.target().module().in());
    System.arraycopy(factors.a.data(), 0, a.data(), 0, factors.a.data().length);
    Matrix b = Matrix.zeros(rank, site.target().module().out());
    System.arraycopy(factors.b.transpose().data(), 0, b.data(), 0, factors.b.data().length);
    a.store(values.get(site.a().slot()));
    b.transpose().store(values.get(site.b().slot()));
  }
}
