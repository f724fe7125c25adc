package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.golden.GoldenCases.Tensor;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.testkit.Comparison;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** How PEFT starts A and B: from a given weight, where B·A, the rest and y are defined; statistics where all is random. */
class GoldenLoraInitTest {

  @TestFactory
  Stream<DynamicTest> initialisations() {
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    for (Path file : GoldenCases.jsonFiles("lora_init")) {
      cases.put(GoldenCases.name(file), () -> {
        JsonNode c = GoldenCases.json(file);
        if (c.has("stats")) {
          statistics(GoldenCases.name(file), c.path("stats"));
        } else {
          fromWeight(file, c);
        }
      });
    }
    return GoldenCases.tests("lora_init", cases);
  }

  private static LoraAdapter adapter(LoraConfig config, int in, int out) {
    return new LoraMethod().create(config.toBuilder().targetModules("lin").build(),
        ModelDescription.of("test", List.of(ModuleInfo.linear("lin", in, out, true))));
  }

  private static void fromWeight(Path file, JsonNode c) {
    Map<String, Tensor> t = GoldenCases.tensors(file.resolveSibling(GoldenCases.name(file) + ".safetensors"));
    int out = t.get("W0").shape().getFirst().intValue();
    int in = t.get("W0").shape().getLast().intValue();
    LoraConfig config = LoraConfig.ofPeft(GoldenCases.map(c.path("config")));
    LoraAdapter adapter = adapter(config, in, out);
    double scaling = adapter.sites().get("lin").target().scaling();
    assertEquals(c.path("scaling").asDouble(), scaling);
    try (AdapterValues values = new AdapterValues(adapter.parameters()).initialise(1)) {
      float[] weight = t.get("W0").values().clone();
      adapter.baseStarts().values().forEach(start -> {
        start.initialise(MemorySegment.ofArray(weight), 1, values);
        start.subtract(MemorySegment.ofArray(weight), values);
      });
      double[] a = doubles(values, "lin.lora_A.weight");
      double[] b = doubles(values, "lin.lora_B.weight");
      double[] product = product(b, a, out, config.r(), in);
      double[] rest = new Tensor(t.get("W0").shape(), t.get("W0").stored(), weight).doubles();
      if (config.initLoraWeights() instanceof InitLoraWeights.Pissa pissa && pissa.iterations() >= 0) {
        // Depends on PyTorch's random numbers: on these flat spectra its own results differ by up to a third from draw to draw. How much
        // of the weight is left differs in second order only.
        assertEquals(norm(t.get("W_res").doubles()), norm(rest), 0.02 * norm(t.get("W0").doubles()), "what is left of the weight");
        check("B·A and what is left", sum(rest, scaling, product), t.get("W0"));
      } else {
        check("B·A", product, t.get("BA"));
        check("what is left of the weight", rest, t.get("W_res"));
      }
      double[] x = t.get("x").doubles();
      int rows = x.length / in;
      double[] y = new double[rows * out];
      for (int i = 0; i < rows; i++) {
        for (int o = 0; o < out; o++) {
          y[i * out + o] = t.containsKey("b0") ? t.get("b0").values()[o] : 0;
          for (int k = 0; k < in; k++) {
            y[i * out + o] += x[i * in + k] * (weight[o * in + k] + scaling * product[o * in + k]);
          }
        }
      }
      check("y", y, t.get("y"));
      if (config.initLoraWeights() == InitLoraWeights.MICA) {
        // B·A is zero whatever B is, so B's space is compared: the projection on it does not depend on signs.
        double[] theirs = t.get("B").doubles();
        Comparison.check("B·Bᵀ", product(b, transpose(b, out, config.r()), out, config.r(), out),
            product(theirs, transpose(theirs, out, config.r()), out, config.r(), out), 1e-5);
      }
    }
  }

  private static void statistics(String name, JsonNode stats) {
    // The sizes are recorded in the name alone: NAME_OUTxIN_rRANK.
    if (!name.matches(".*_\\d+x\\d+_r\\d+")) {
      throw GoldenCases.notYet("neither the file nor its name says the sizes");
    }
    String[] parts = name.replaceFirst(".*_(\\d+x\\d+_r\\d+)$", "$1").split("x|_r");
    int first = Integer.parseInt(parts[0]);
    int second = Integer.parseInt(parts[1]);
    int rank = Integer.parseInt(parts[2]);
    stats.properties().forEach(entry -> {
      InitLoraWeights init = InitLoraWeights.of(entry.getKey()).orElseThrow(() -> GoldenCases.notYet("start " + entry.getKey()));
      // The bounds of the recorded uniform A say which of the two sizes is its input.
      double bound = stats.path("True").path("A_absmax").asDouble();
      int in = bound > 1 / Math.sqrt(Math.max(first, second)) ? Math.min(first, second) : Math.max(first, second);
      int out = first + second - in;
      LoraAdapter adapter = adapter(LoraConfig.builder().r(rank).initLoraWeights(init).build(), in, out);
      try (AdapterValues values = new AdapterValues(adapter.parameters()).initialise(11)) {
        double[] a = doubles(values, "lin.lora_A.weight");
        double[] b = doubles(values, "lin.lora_B.weight");
        JsonNode want = entry.getValue();
        moments(entry.getKey() + " A", a, want, "A");
        moments(entry.getKey() + " B", b, want, "B");
        double largest = Arrays.stream(product(b, a, out, rank, in)).map(Math::abs).max().orElseThrow();
        double theirs = want.path("AB_max").asDouble();
        assertTrue(theirs < 1e-6 ? largest < 1e-6 : largest > theirs / 2 && largest < theirs * 2, entry.getKey() + ": B·A up to "
            + largest);
      }
    });
  }

  /** Mean and deviation of two samples of the same distribution; the bounds of a normal one are only alike. */
  private static void moments(String what, double[] values, JsonNode want, String of) {
    double mean = Arrays.stream(values).average().orElseThrow();
    double std = Math.sqrt(Arrays.stream(values).map(x -> (x - mean) * (x - mean)).sum() / (values.length - 1));
    double theirs = want.path(of + "_std").asDouble();
    double error = 4 * theirs / Math.sqrt(values.length);
    assertEquals(want.path(of + "_mean").asDouble(), mean, 2 * error, what + ": mean");
    // Orthogonal starts have few free numbers behind many: their deviation varies more than that of as many independent ones.
    assertEquals(theirs, std, theirs * 0.05, what + ": deviation");
    double largest = Arrays.stream(values).map(Math::abs).max().orElseThrow();
    assertEquals(want.path(of + "_absmax").asDouble(), largest, 0.35 * want.path(of + "_absmax").asDouble(), what + ": largest");
  }

  private static double[] doubles(AdapterValues values, String slot) {
    float[] f = values.get(slot).toArray(ValueLayout.JAVA_FLOAT);
    double[] d = new double[f.length];
    for (int i = 0; i < d.length; i++) {
      d[i] = f[i];
    }
    return d;
  }

  static double[] product(double[] b, double[] a, int rows, int inner, int cols) {
    double[] result = new double[rows * cols];
    for (int i = 0; i < rows; i++) {
      for (int k = 0; k < inner; k++) {
        for (int j = 0; j < cols; j++) {
          result[i * cols + j] += b[i * inner + k] * a[k * cols + j];
        }
      }
    }
    return result;
  }

  private static double[] transpose(double[] values, int rows, int cols) {
    double[] result = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i % cols * rows + i / cols] = values[i];
    }
    return result;
  }

  private static double norm(double[] values) {
    return Math.sqrt(Arrays.stream(values).map(x -> x * x).sum());
  }

  private static double[] sum(double[] x, double factor, double[] y) {
    double[] result = x.clone();
    for (int i = 0; i < result.length; i++) {
      result[i] += factor * y[i];
    }
    return result;
  }

  private static void check(String what, double[] got, Tensor want) {
    double largest = Arrays.stream(want.doubles()).map(Math::abs).max().orElse(0);
    Comparison.check(what, got, want.doubles(), 1e-5 * Math.max(largest, 1e-3));
  }
}
