package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.golden.GoldenCases.Tensor;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.lora.sets.AdapterCombination;
import io.github.lora4j.lora.sets.CombinationType;
import io.github.lora4j.lora.sets.TensorMerge;
import io.github.lora4j.testkit.Comparison;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** PEFT's add_weighted_adapter and the functions it is made of. */
class GoldenCombinationTest {

  @TestFactory
  Stream<DynamicTest> combinations() {
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    for (Map.Entry<Path, JsonNode> read : GoldenCases.read("multi_adapter", cases).entrySet()) {
      Path file = read.getKey();
      JsonNode c = read.getValue();
      Path tensors = file.resolveSibling(GoldenCases.name(file) + ".safetensors");
      if (!c.has("combos")) {
        if (!c.has("mixed_batch_adapter_names")) { // those: GoldenAdapterSetTest
          cases.put(GoldenCases.name(file), () -> functions(GoldenCases.tensors(tensors)));
        }
        continue;
      }
      for (JsonNode combo : c.path("combos")) {
        cases.put(GoldenCases.name(file) + "/" + combo.path("name").asText() + " " + combo.path("combination_type").asText(),
            () -> new Combination(c, combo, tensors).check());
      }
    }
    return GoldenCases.tests("multi_adapter", cases);
  }

  /** Tensors are named by function and density: "ties_0.3_total". */
  private static void functions(Map<String, Tensor> t) {
    List<double[]> tensors = new ArrayList<>();
    while (t.containsKey("t" + tensors.size())) {
      tensors.add(t.get("t" + tensors.size()).doubles());
    }
    double[] weights = t.get("w").doubles();
    int compared = 0;
    for (String name : t.keySet()) {
      if (name.matches("t\\d+|w")) {
        continue;
      }
      if (!name.matches("task_arithmetic|(prune|ties|dare|magnitude_prune|[a-z_]+)_\\d\\.\\d+.*")) {
        throw GoldenCases.notYet("function " + name);
      }
      double density = name.equals("task_arithmetic") ? 1 : Double.parseDouble(name.replaceFirst(".*_(\\d\\.\\d+).*", "$1"));
      List<double[]> pruned = tensors.stream().map(x -> TensorMerge.prune(x, density)).toList();
      double[] got = name.startsWith("prune") ? pruned.getFirst() : name.startsWith("ties")
          ? TensorMerge.agree(pruned, weights, TensorMerge.MajoritySign.valueOf(name.replaceFirst(".*_", "").toUpperCase(Locale.ROOT)))
          : TensorMerge.sum(pruned, weights);
      Comparison.check(name, got, t.get(name).doubles(), 1e-6);
      compared++;
    }
    assertEquals(t.size() - tensors.size() - 1, compared);
  }

  /** A recorded combination of adapters on a perceptron. */
  private record Combination(JsonNode c, JsonNode combo, Path file, Map<String, Tensor> t, Map<String, Tensor> base, Perceptron model) {

    Combination(JsonNode c, JsonNode combo, Path file) {
      this(c, combo, file, GoldenCases.tensors(file), new LinkedHashMap<>());
    }

    private Combination(JsonNode c, JsonNode combo, Path file, Map<String, Tensor> t, Map<String, Tensor> base) {
      t.forEach((name, tensor) -> {
        if (name.startsWith("base.")) {
          base.put(name.substring("base.".length()), tensor);
        }
      });
      this(c, combo, file, t, base, Perceptron.of(base, t.containsKey("x") ? t.get("x").shape().getLast().intValue() : 0));
    }

    void check() {
      List<AdapterCombination.Source> sources = new ArrayList<>();
      List<String> known = RecordedAdapters.names(c, t.keySet());
      try {
        List<String> names = RecordedAdapters.listed(combo.path("adapters"));
        for (int i = 0; i < names.size(); i++) {
          if (!known.contains(names.get(i))) {
            // PEFT looks adapters up by name, here they are given: there is no name that could be wrong.
            assertEquals("ValueError: Adapter %s does not exist".formatted(names.get(i)), combo.path("error").asText());
            return;
          }
          sources.add(source(names.get(i), known.indexOf(names.get(i)), combo.path("weights").get(i).asDouble()));
        }
        if (combo.has("error")) {
          assertThrows(ConfigException.class, () -> combination(combo).combine(sources).close());
          return;
        }
        try (LoadedAdapter result = combination(combo).combine(sources)) {
          compare(combo, t, (LoraAdapter) result.adapter(), result.values(), sources);
          if (!combo.path("kwargs").has("svd_clamp")) {
            outputs(result);
          }
        }
      } finally {
        sources.forEach(s -> s.values().close());
      }
    }

    private AdapterCombination.Source source(String name, int index, double weight) {
      List<String> targets = new ArrayList<>();
      c.path("target_modules").forEach(module -> targets.add(module.asText()));
      LoraConfig config = LoraConfig.builder().r(c.path("ranks").get(index).asInt()).loraAlpha(c.path("alphas").get(index).asDouble())
          .targetModules(targets.toArray(String[]::new)).build();
      LoraAdapter adapter = new LoraMethod().create(config, ModelDescription.of("test", model.modules()));
      AdapterValues values = new AdapterValues(adapter.parameters());
      RecordedAdapters.copy(t, name, adapter, values);
      // PEFT 0.20 multiplied the scale in twice where it says so; the numbers are those of weights that hold it already.
      boolean twice = combo.path("combination_type").asText().endsWith("svd") && c.path("quirk").asText().contains("twice");
      double scaling = adapter.sites().values().iterator().next().target().scaling();
      return new AdapterCombination.Source(adapter, values, twice ? weight * scaling : weight);
    }

    /** The model's outputs with the combined adapter in its weights. */
    private void outputs(LoadedAdapter combined) {
      Tensor want = t.get("y." + combo.path("name").asText());
      if (want == null) {
        return;
      }
      Map<String, Tensor> merged = new LinkedHashMap<>(base);
      combined.adapter().weightChanges(combined.values()).forEach((name, change) -> {
        float[] weight = base.get(name).values().clone();
        change.apply(DType.F32, MemorySegment.ofArray(weight));
        merged.put(name, new Tensor(base.get(name).shape(), DType.F32, weight));
      });
      double[] got = t.containsKey("x") ? model.outputs(merged, t.get("x").doubles()) : model.outputs(merged, Numbers.integers(file, "x"));
      GoldenCombinationTest.check("outputs", got, want);
    }
  }

  private static AdapterCombination combination(JsonNode combo) {
    JsonNode options = combo.path("kwargs");
    return new AdapterCombination(CombinationType.of(combo.path("combination_type").asText()),
        options.has("svd_rank") ? OptionalInt.of(options.path("svd_rank").asInt()) : OptionalInt.empty(),
        options.has("svd_clamp") ? OptionalDouble.of(options.path("svd_clamp").asDouble()) : OptionalDouble.empty(),
        options.has("density") ? OptionalDouble.of(options.path("density").asDouble()) : OptionalDouble.empty(),
        TensorMerge.MajoritySign.valueOf(options.path("majority_sign_method").asText("total").toUpperCase(Locale.ROOT)), 1);
  }

  private static void compare(JsonNode combo, Map<String, Tensor> t, LoraAdapter adapter, AdapterValues values,
      List<AdapterCombination.Source> sources) {
    String name = combo.path("name").asText();
    boolean svd = combo.path("combination_type").asText().endsWith("svd");
    assertEquals(combo.path("r").asInt(), adapter.config().r());
    adapter.sites().forEach((module, site) -> {
      assertEquals(combo.path("scaling").asDouble(), site.target().scaling());
      int rank = site.target().rank();
      int in = site.target().module().in();
      int out = site.target().module().out();
      double[] a = doubles(values.get(site.a().slot()));
      double[] b = doubles(values.get(site.b().slot()));
      if (combo.path("kwargs").has("svd_clamp")) {
        clamped(combo, t.get(name + "." + module + ".A"), t.get(name + "." + module + ".B"), module, sources);
        return;
      }
      if (!t.containsKey(name + "." + module + ".delta")) {
        return; // an embedding's is seen in the outputs alone
      }
      check(module + " update", GoldenLoraInitTest.product(b, a, out, rank, in), t.get(name + "." + module + ".delta"));
      if (!svd) {
        check(module + " A", a, t.get(name + "." + module + ".A"));
        check(module + " B", b, t.get(name + "." + module + ".B"));
      }
    });
  }

  /** The quantile depends on the signs of singular vectors, which are free: PEFT's are given to ours, of the unclamped combination. */
  private static void clamped(JsonNode combo, Tensor wantA, Tensor wantB, String module, List<AdapterCombination.Source> sources) {
    AdapterCombination clamping = combination(combo);
    AdapterCombination plain = new AdapterCombination(clamping.type(), clamping.svdRank(), OptionalDouble.empty(), clamping.density(),
        clamping.majority(), clamping.seed());
    try (LoadedAdapter loaded = plain.combine(sources)) {
      LoraAdapter.Site site = ((LoraAdapter) loaded.adapter()).sites().get(module);
      double[] a = doubles(loaded.values().get(site.a().slot()));
      double[] b = doubles(loaded.values().get(site.b().slot()));
      int rank = site.target().rank();
      int in = site.target().module().in();
      for (int k = 0; k < rank; k++) {
        double same = 0;
        for (int j = 0; j < in; j++) {
          same += a[k * in + j] * wantA.values()[k * in + j];
        }
        for (int j = 0; same < 0 && j < in; j++) {
          a[k * in + j] = -a[k * in + j];
        }
        for (int i = 0; same < 0 && i < b.length / rank; i++) {
          b[i * rank + k] = -b[i * rank + k];
        }
      }
      double high = TensorMerge.quantile(DoubleStream.concat(Arrays.stream(b), Arrays.stream(a)).toArray(),
          clamping.svdClamp().orElseThrow());
      check(module + " A clamped", TensorMerge.clamp(a, high), wantA);
      check(module + " B clamped", TensorMerge.clamp(b, high), wantB);
    }
  }

  private static double[] doubles(MemorySegment values) {
    float[] f = values.toArray(ValueLayout.JAVA_FLOAT);
    double[] d = new double[f.length];
    for (int i = 0; i < d.length; i++) {
      d[i] = f[i];
    }
    return d;
  }

  private static void check(String what, double[] got, Tensor want) {
    double largest = Arrays.stream(want.doubles()).map(Math::abs).max().orElse(0);
    Comparison.check(what, got, want.doubles(), 1e-5 * largest);
  }
}
