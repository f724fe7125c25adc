package io.github.lora4j.lora.sets;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.internal.Matrix;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Several adapters as one: scales enter once, the result is a plain adapter like any other, and what has no sum is refused. */
class AdapterCombinationTest {

  private static final ModelDescription MODEL = ModelDescription.of("test", List.of(ModuleInfo.embedding("table", 9, 6),
      ModuleInfo.linear("lin", 6, 8, true), new ModuleInfo("conv", ModuleInfo.Kind.CONV1D, 8, 5, true), ModuleInfo.linear("score", 5, 2,
          false)));

  private final List<AdapterValues> open = new ArrayList<>();

  @TempDir
  private Path directory;

  @AfterEach
  void close() {
    open.forEach(AdapterValues::close);
  }

  private AdapterCombination.Source source(double weight, LoraConfig.Builder config, long seed) {
    LoraAdapter adapter = new LoraMethod().create(config.initLoraWeights(InitLoraWeights.RANDOM).build(), MODEL);
    AdapterValues values = new AdapterValues(adapter.parameters()).initialise(seed);
    open.add(values);
    return new AdapterCombination.Source(adapter, values, weight);
  }

  private static LoraConfig.Builder config(int r, double alpha, String... targets) {
    return LoraConfig.builder().r(r).loraAlpha(alpha).targetModules(targets);
  }

  private static Matrix update(LoraAdapter adapter, AdapterValues values, String module) {
    LoraAdapter.Site site = adapter.sites().get(module);
    int r = site.target().rank();
    Matrix product = Matrix.of(site.target().module().out(), r, values.get(site.b().slot()))
        .times(Matrix.of(r, site.target().module().in(), values.get(site.a().slot())));
    return product.plus(site.target().scaling() - 1, product);
  }

  private static double[] sum(List<AdapterCombination.Source> sources, String module) {
    List<AdapterCombination.Source> here = sources.stream().filter(s -> ((LoraAdapter) s.adapter()).sites().containsKey(module)).toList();
    return TensorMerge.sum(here.stream().map(s -> update((LoraAdapter) s.adapter(), s.values(), module).data()).toList(),
        here.stream().mapToDouble(AdapterCombination.Source::weight).toArray());
  }

  /** Different ranks, rank patterns, rsLoRA and modules: cat, and svd of enough rank, are the exact sum; saved and loaded too. */
  @ParameterizedTest
  @EnumSource(value = CombinationType.class, names = {"CAT", "SVD"})
  void theExactSum(CombinationType type) {
    List<AdapterCombination.Source> sources = List.of(source(0.7, config(2, 8, "table", "lin"), 1),
        source(-1.3, config(3, 5, "lin", "conv").useRslora(true), 2),
        source(0.4, config(1, 2, "table", "conv").rankPattern(Map.of("conv", 2)).alphaPattern(Map.of("table", 7.0)), 3));
    AdapterCombination combination = type == CombinationType.CAT ? AdapterCombination.of(type) : new AdapterCombination(type,
        OptionalInt.of(7),
        OptionalDouble.empty(), OptionalDouble.empty(), TensorMerge.MajoritySign.TOTAL, 0);
    try (LoadedAdapter combined = combination.combine(sources)) {
      PeftFormat.save(directory.resolve("combined"), combined.adapter(), combined.values());
    }
    try (LoadedAdapter loaded = PeftFormat.load(directory.resolve("combined"), MODEL)) {
      LoraAdapter adapter = (LoraAdapter) loaded.adapter();
      assertEquals(7, adapter.config().r());
      for (String module : List.of("table", "lin", "conv")) {
        assertEquals(1, adapter.sites().get(module).target().scaling());
        assertArrayEquals(sum(sources, module), update(adapter, loaded.values(), module).data(), 1e-5, module);
      }
    }
  }

  /** What the first one excludes, another one may adapt; and names of one need not mean what they mean with another's layers. */
  @Test
  void everySourcesModulesAreThere() {
    List<AdapterCombination.Source> sources = List.of(source(1, LoraConfig.builder().r(2).targetModules(new TargetModules.Regex("lin|conv"))
        .excludeModules(TargetModules.of("conv")), 1), source(1, config(2, 2, "conv"), 2));
    try (LoadedAdapter combined = AdapterCombination.of(CombinationType.CAT).combine(sources)) {
      LoraAdapter adapter = (LoraAdapter) combined.adapter();
      assertEquals(List.of("lin", "conv"), List.copyOf(adapter.sites().keySet()));
      assertArrayEquals(sum(sources, "conv"), update(adapter, combined.values(), "conv").data(), 1e-5);
      assertArrayEquals(sum(sources, "lin"), update(adapter, combined.values(), "lin").data(), 1e-5);
    }
  }

  @Test
  void oneAdapterAloneIsScaled() {
    AdapterCombination.Source source = source(-0.5, config(2, 8, "lin"), 1);
    try (LoadedAdapter scaled = AdapterCombination.of(CombinationType.SVD).combine(List.of(source))) {
      assertArrayEquals(sum(List.of(source), "lin"), update((LoraAdapter) scaled.adapter(), scaled.values(), "lin").data(), 1e-5);
    }
  }

  /** DARE keeps about the share of elements, scaled up; the same seed keeps the same. */
  @Test
  void dareDropsByTheSeed() {
    double[] ones = new double[10_000];
    java.util.Arrays.fill(ones, 1);
    double[] dropped = TensorMerge.drop(ones, 0.3, "lin", 5);
    long kept = java.util.Arrays.stream(dropped).filter(x -> x != 0).count();
    // Four standard deviations of 10 000 throws.
    assertEquals(3000, kept, 4 * Math.sqrt(10_000 * 0.3 * 0.7));
    assertTrue(java.util.Arrays.stream(dropped).allMatch(x -> x == 0 || x == 1 / 0.3));
    assertArrayEquals(dropped, TensorMerge.drop(ones, 0.3, "lin", 5));
    assertTrue(!java.util.Arrays.equals(dropped, TensorMerge.drop(ones, 0.3, "lin", 6)));
    assertTrue(!java.util.Arrays.equals(dropped, TensorMerge.drop(ones, 0.3, "conv", 5)));
  }

  @ParameterizedTest
  @EnumSource(value = CombinationType.class, names = {"DARE_LINEAR", "DARE_TIES", "DARE_LINEAR_SVD", "DARE_TIES_SVD"})
  void dareIsRepeatable(CombinationType type) {
    List<AdapterCombination.Source> sources = List.of(source(1, config(3, 6, "lin"), 1), source(0.5, config(3, 3, "lin"), 2));
    try (LoadedAdapter once = AdapterCombination.of(type, 0.6).combine(sources);
        LoadedAdapter again = AdapterCombination.of(type, 0.6).combine(sources)) {
      double[] update = update((LoraAdapter) once.adapter(), once.values(), "lin").data();
      assertArrayEquals(update, update((LoraAdapter) again.adapter(), again.values(), "lin").data());
      assertTrue(java.util.Arrays.stream(update).anyMatch(x -> Math.abs(x) > 1e-3));
    }
  }

  @Test
  void aHeadOfOneSourceIsKept() {
    AdapterCombination.Source plain = source(1, config(2, 2, "lin"), 1);
    AdapterCombination.Source head = source(1, config(2, 2, "lin").modulesToSave(List.of("score")), 2);
    head.values().get("score.weight").fill((byte) 1);
    try (LoadedAdapter combined = AdapterCombination.of(CombinationType.CAT).combine(List.of(plain, head))) {
      assertEquals(-1, combined.values().get("score.weight").mismatch(head.values().get("score.weight")));
    }
    refused(List.of(head, source(1, config(2, 2, "lin").modulesToSave(List.of("score")), 3)), AdapterCombination.of(CombinationType.CAT),
        "score.weight", "another one trains too");
  }

  @Test
  void whatHasNoSumIsRefused() {
    AdapterCombination.Source plain = source(1, config(2, 2, "lin"), 1);
    AdapterCombination linear = AdapterCombination.of(CombinationType.LINEAR);
    refused(List.of(), linear, "no adapter to combine");
    refused(List.of(plain, source(1, config(3, 2, "lin"), 2)), linear, "equal ranks, got [2, 3]", "use svd or cat");
    refused(List.of(plain, source(1, config(2, 2, "lin").useDora(true), 2)), linear, "adapter 2", "DoRA's magnitudes");
    refused(List.of(plain, source(1, config(2, 2, "lin").loraBias(true), 2)), linear, "a bias behind B");
    refused(List.of(plain, source(Double.NaN, config(2, 2, "lin"), 2)), linear, "weight NaN");
    AdapterCombination.Source pattern = source(1, config(2, 2, "lin", "conv").rankPattern(Map.of("conv", 1)), 2);
    refused(List.of(source(1, config(2, 2, "lin", "conv"), 1), pattern), linear, "conv has the ranks [2, 1]");
    LoraAdapter pissa = new LoraMethod().create(config(2, 2, "lin").initLoraWeights(InitLoraWeights.PISSA).build(), MODEL);
    refused(List.of(plain, new AdapterCombination.Source(pissa, plain.values(), 1)), linear, "changed base weight", "pissa");
  }

  private static void refused(List<AdapterCombination.Source> sources, AdapterCombination combination, String... parts) {
    String message = assertThrows(ConfigException.class, () -> combination.combine(sources).close()).getMessage();
    for (String part : parts) {
      assertTrue(message.contains(part), part + " in: " + message);
    }
  }

  @Test
  void optionsThatMeanNothing() {
    String needs = assertThrows(ConfigException.class, () -> AdapterCombination.of(CombinationType.TIES)).getMessage();
    assertTrue(needs.contains("ties needs a density"), needs);
    for (double density : new double[] {-0.1, 1.5, Double.NaN}) {
      assertThrows(ConfigException.class, () -> AdapterCombination.of(CombinationType.TIES, density));
    }
    assertThrows(ConfigException.class, () -> AdapterCombination.of(CombinationType.DARE_TIES, 0));
    String all = assertThrows(ConfigException.class, () -> new AdapterCombination(CombinationType.SVD, OptionalInt.of(0),
        OptionalDouble.of(2),
        OptionalDouble.empty(), TensorMerge.MajoritySign.TOTAL, 0)).getMessage();
    assertTrue(all.contains("svd_rank") && all.contains("svd_clamp"), all);
    String unknown = assertThrows(ConfigException.class, () -> CombinationType.of("nope")).getMessage();
    assertTrue(unknown.contains("magnitude_prune_svd") && unknown.contains("nope"), unknown);
  }
}
