package io.github.lora4j.lora.plain;

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
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.BaseStart;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Adapters that start from the base weight: the weight and the adapter together stay what the base was: trained, saved, merged. */
class BaseStartTest {

  @TempDir
  private Path directory;

  private static final int IN = 7;
  private static final int OUT = 5;

  private static LoraAdapter adapter(InitLoraWeights init, ModuleInfo.Kind kind, boolean rslora) {
    LoraConfig config = LoraConfig.builder().targetModules("lin").r(2).loraAlpha(6).useRslora(rslora).initLoraWeights(init)
        .rankPattern(Map.of("lin", 3)).build();
    return new LoraMethod().create(config, ModelDescription.of("test", List.of(new ModuleInfo("lin", kind, IN, OUT, false))));
  }

  private static float[] weight() {
    float[] values = new float[IN * OUT];
    Random random = new Random(3);
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return values;
  }

  /** s·B·A. */
  private static Matrix update(LoraAdapter adapter, AdapterValues values) {
    LoraAdapter.Site site = adapter.sites().get("lin");
    int r = site.target().rank();
    Matrix product = Matrix.of(OUT, r, values.get(site.b().slot())).times(Matrix.of(r, IN, values.get(site.a().slot())));
    return product.plus(site.target().scaling() - 1, product);
  }

  private static void close(double[] expected, double[] got) {
    assertArrayEquals(expected, got, 1e-6);
  }

  private static double[] wide(float[] values) {
    return Matrix.of(1, values.length, MemorySegment.ofArray(values)).data();
  }

  @ParameterizedTest
  @CsvSource({"pissa, LINEAR, false", "pissa, CONV1D, true", "olora, LINEAR, true", "olora, CONV1D, false"})
  void whatTrainedBesideTheChangedWeightIsPlainLoraBesideTheBase(String init, ModuleInfo.Kind kind, boolean rslora) {
    LoraAdapter adapter = adapter(InitLoraWeights.of(init).orElseThrow(), kind, rslora);
    BaseStart start = adapter.baseStarts().get("lin.weight");
    try (AdapterValues first = new AdapterValues(adapter.parameters()).initialise(1)) {
      float[] residual = weight();
      start.initialise(MemorySegment.ofArray(residual), 1, first);
      start.subtract(MemorySegment.ofArray(residual), first);
      close(wide(weight()), update(adapter, first).plus(1, new Matrix(OUT, IN, wide(residual))).data());
      try (AdapterValues trained = first.copy(adapter.parameters())) {
        Matrix.of(1, 3 * IN, trained.get("lin.lora_A.weight")).plus(0.3, Matrix.of(1, 3 * IN, first.get("lin.lora_A.weight")))
            .store(trained.get("lin.lora_A.weight"));
        double[] now = update(adapter, trained).plus(1, new Matrix(OUT, IN, wide(residual))).data();
        try (LoadedAdapter plain = adapter.onUntouchedBase(trained, first)) {
          LoraAdapter lora = (LoraAdapter) plain.adapter();
          assertEquals(InitLoraWeights.DEFAULT, lora.config().initLoraWeights());
          assertEquals(6, lora.sites().get("lin").target().rank());
          assertEquals(adapter.sites().get("lin").target().scaling(), lora.sites().get("lin").target().scaling(), 1e-12);
          close(now, update(lora, plain.values()).plus(1, new Matrix(OUT, IN, wide(weight()))).data());
        }
        // As PEFT writes it without conversion: the change of the base is found again on loading.
        PeftFormat.save(directory.resolve("raw"), adapter, trained);
        try (LoadedAdapter raw = PeftFormat.load(directory.resolve("raw"), adapter.model())) {
          Matrix stored = new Matrix(OUT, IN, wide(weight()));
          float[] merged = new float[IN * OUT];
          (kind == ModuleInfo.Kind.CONV1D ? stored.transpose() : stored).store(MemorySegment.ofArray(merged));
          raw.adapter().weightChanges(raw.values()).get("lin.weight").apply(DType.F32, MemorySegment.ofArray(merged));
          Matrix expected = new Matrix(OUT, IN, now);
          close((kind == ModuleInfo.Kind.CONV1D ? expected.transpose() : expected).data(), wide(merged));
          String refusal = assertThrows(ConfigException.class, () -> raw.adapter().toLora(raw.values())).getMessage();
          assertTrue(refusal.startsWith(init.toLowerCase(Locale.ROOT) + " is relative to a changed base weight"), refusal);
        }
      }
    }
  }

  @Test
  void aRandomResidualIsInNoFile() {
    LoraAdapter adapter = adapter(InitLoraWeights.of("PiSSA_niter_4").orElseThrow(), ModuleInfo.Kind.LINEAR, false);
    try (AdapterValues values = new AdapterValues(adapter.parameters())) {
      PeftFormat.save(directory.resolve("raw"), adapter, values);
    }
    String message = assertThrows(ConfigException.class, () -> PeftFormat.load(directory.resolve("raw"), adapter.model())).getMessage();
    assertTrue(message.contains("path_initial_model_for_weight_conversion"), message);
  }

  @Test
  void whatCannotStartSaysSo() {
    ModuleInfo linear = ModuleInfo.linear("lin", 4, 3, false);
    ModuleInfo table = ModuleInfo.embedding("table", 9, 6);
    refused("pissa", 4, linear, "lin has rank 4 and is 3 x 4");
    refused("olora", 4, linear, "a rank that the weight has");
    refused("mica", 7, table, "table has rank 7");
    refused("orthogonal", 3, linear, "an even rank");
    refused("pissa", 2, table, "not for embeddings and convolutions: table");
    refused("orthogonal", 2, table, "not for embeddings and convolutions: table");
    ConfigException dora = assertThrows(ConfigException.class, () -> new LoraMethod().create(LoraConfig.builder().targetModules("lin").r(2)
        .useDora(true).initLoraWeights(InitLoraWeights.PISSA).build(), ModelDescription.of("test", List.of(linear))));
    assertTrue(dora.getMessage().contains("use_dora"), dora.getMessage());
  }

  private static void refused(String init, int rank, ModuleInfo module, String part) {
    String message = assertThrows(ConfigException.class, () -> new LoraMethod().create(LoraConfig.builder()
        .targetModules(module.name()).r(rank)
        .initLoraWeights(InitLoraWeights.of(init).orElseThrow()).build(), ModelDescription.of("test", List.of(module)))).getMessage();
    assertTrue(message.contains(part), message);
  }

  @Test
  void aWeightThatIsNotFiniteIsNamed() {
    LoraAdapter adapter = adapter(InitLoraWeights.PISSA, ModuleInfo.Kind.LINEAR, false);
    float[] broken = weight();
    broken[3] = Float.NaN;
    try (AdapterValues values = new AdapterValues(adapter.parameters())) {
      String message = assertThrows(io.github.lora4j.vector.FormatException.class, () ->
          adapter.baseStarts().get("lin.weight").initialise(MemorySegment.ofArray(broken), 1, values)).getMessage();
      assertTrue(message.contains("lin.weight") && message.contains("not finite"), message);
    }
  }
}
