package io.github.lora4j.lora.baselines;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.Workers;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Bottleneck adapters against their formula, and what they refuse. */
class HoulsbyTest {

  private static final ModelDescription MODEL = ModelDescription.of("bert", List.of(ModuleInfo.layerNorm("embeddings.LayerNorm", 4),
      ModuleInfo.linear("layer.0.intermediate.dense", 4, 6, true), ModuleInfo.linear("layer.0.output.dense", 6, 4, true),
      ModuleInfo.layerNorm("layer.0.output.LayerNorm", 4), ModuleInfo.linear("classifier", 4, 2, true)));

  private static Adapter create(Map<String, ?> settings) {
    return AdapterMethod.named("houlsby").create(settings, MODEL);
  }

  @Test
  void whatABlockGivesPassesTheBottleneckBeforeTheResidual() {
    Adapter adapter = create(Map.of("bottleneck_size", 3, "non_linearity", "relu"));
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis rows = builder.axis("rows", 2);
    Graph graph = builder.entry("forward");
    Value y = graph.output("y", new Sites(graph, adapter).blockOutput("layer.0.output.dense",
        builder.input("x", Shape.of(rows, 6)), 4, true));
    try (Workers workers = new Workers(1); CpuBackend backend = new CpuBackend(new ReferenceKernels(DType.F64), workers);
        Executable e = backend.compile(builder.build(), CompileOptions.DEFAULT)) {
      e.rows(rows, 2);
      float[] x = write(e, "x");
      float[] w = write(e, "layer.0.output.dense.weight");
      float[] b = write(e, "layer.0.output.dense.bias");
      float[] down = write(e, "layer.0.output.dense.adapter_down.weight");
      float[] downBias = write(e, "layer.0.output.dense.adapter_down.bias");
      float[] up = write(e, "layer.0.output.dense.adapter_up.weight");
      float[] upBias = write(e, "layer.0.output.dense.adapter_up.bias");
      e.run("forward");
      float[] got = e.floats(y);
      for (int i = 0; i < 2; i++) {
        double[] block = linear(java.util.stream.IntStream.range(6 * i, 6 * i + 6).mapToDouble(k -> x[k]).toArray(), w, b, 4);
        double[] inner = linear(block, down, downBias, 3);
        for (int k = 0; k < 3; k++) {
          inner[k] = Math.max(0, inner[k]);
        }
        double[] out = linear(inner, up, upBias, 4);
        for (int j = 0; j < 4; j++) {
          assertEquals(block[j] + out[j], got[4 * i + j], 1e-5);
        }
      }
    }
  }

  private static double[] linear(double[] x, float[] w, float[] b, int out) {
    double[] y = new double[out];
    for (int j = 0; j < out; j++) {
      y[j] = b[j];
      for (int k = 0; k < x.length; k++) {
        y[j] += x[k] * w[j * x.length + k];
      }
    }
    return y;
  }

  private static float[] write(Executable e, String name) {
    Value slot = e.program().slot(name).orElseThrow();
    Random random = new Random(name.hashCode());
    float[] values = new float[Math.toIntExact(slot.shape().elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    e.write(slot, values, values.length);
    return values;
  }

  @Test
  void adaptersNormsOfLayersAndTheHeadTrain() {
    List<String> slots = create(Map.of("task_type", "SEQ_CLS")).parameters().stream().map(AdapterParameter::slot).toList();
    assertEquals(List.of("layer.0.output.dense.adapter_down.weight", "layer.0.output.dense.adapter_down.bias",
        "layer.0.output.dense.adapter_up.weight", "layer.0.output.dense.adapter_up.bias", "layer.0.output.LayerNorm.weight",
        "layer.0.output.LayerNorm.bias", "classifier.weight", "classifier.bias"), slots);
    assertEquals(4, create(Map.of("train_layer_norms", false)).parameters().size());
  }

  @Test
  void refusals() {
    String message = assertThrows(ConfigException.class, () -> create(Map.of("bottleneck_size", 0, "non_linearity", "swoosh",
        "target_modules", List.of("nothing"), "r", 8))).getMessage();
    for (String part : List.of("bottleneck_size must be", "non_linearity must be one of gelu", "'nothing' matches no linear module",
        "unknown key 'r'")) {
      assertTrue(message.contains(part), message);
    }
  }
}
