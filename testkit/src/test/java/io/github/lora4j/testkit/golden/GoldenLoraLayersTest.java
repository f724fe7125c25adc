package io.github.lora4j.testkit.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.AdapterValues;
import io.github.lora4j.lora.LoraAdapter;
import io.github.lora4j.lora.LoraConfig;
import io.github.lora4j.lora.LoraMerge;
import io.github.lora4j.lora.LoraMethod;
import io.github.lora4j.lora.ModelDescription;
import io.github.lora4j.testkit.Comparison;
import io.github.lora4j.testkit.Session;
import io.github.lora4j.testkit.TestProgram;
import io.github.lora4j.testkit.golden.GoldenCases.Tensor;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** One adapted layer by PEFT: output, gradients of input, A and B, and the merged weight, through the graph. */
class GoldenLoraLayersTest {

  private static final String LAYER = "lin";

  @TestFactory
  Stream<DynamicTest> layers() {
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    for (Path file : GoldenCases.jsonFiles("lora_layers")) {
      cases.put(GoldenCases.name(file), () -> compare(file));
    }
    return GoldenCases.tests("lora_layers", cases);
  }

  private static void compare(Path file) {
    JsonNode c = GoldenCases.json(file);
    if (!c.path("peer").textValue().endsWith(".Linear")) {
      throw GoldenCases.notYet("LoRA on " + c.path("peer").textValue());
    }
    LoraConfig config;
    try {
      config = LoraConfig.ofPeft(GoldenCases.map(c.path("config"))).toBuilder().targetModules(LAYER).build();
    } catch (ConfigException e) {
      if (!e.getMessage().contains("not supported yet")) {
        throw e;
      }
      throw GoldenCases.notYet(e.getMessage());
    }
    Map<String, Tensor> t = GoldenCases.tensors(file.resolveSibling(GoldenCases.name(file) + ".safetensors"));
    boolean conv1d = config.fanInFanOut();
    List<Long> shape = t.get("W0").shape();
    int in = Math.toIntExact(shape.get(conv1d ? 0 : 1));
    int out = Math.toIntExact(shape.get(conv1d ? 1 : 0));
    ModuleInfo module = new ModuleInfo(LAYER, conv1d ? ModuleInfo.Kind.CONV1D : ModuleInfo.Kind.LINEAR, in, out, t.containsKey("b0"));
    LoraAdapter adapter = new LoraMethod().create(config, ModelDescription.of("test", List.of(module)));
    assertEquals(c.path("scaling").asDouble(), adapter.sites().get(LAYER).target().scaling());
    forwardAndBackward(t, adapter, module);
    merge(t, adapter, module);
  }

  private static void forwardAndBackward(Map<String, Tensor> t, LoraAdapter adapter, ModuleInfo module) {
    int rows = t.get("x").values().length / module.in();
    boolean dropped = t.containsKey("x_dropped");
    TestProgram program = new TestProgram(LAYER, module.in(), p -> {
      RowAxis axis = p.axis("rows", rows);
      Value x = p.probe("x", Shape.of(axis, module.in()));
      // No randomness: the branch reads what PEFT's dropout let through, from a slot of its own.
      Sites base = new Sites(p.graph(), io.github.lora4j.graph.SiteHooks.NONE, Optional.empty());
      Value y = base.linear(LAYER, x, module.out(), module.bias());
      Value adapted = adapter.linear(new Sites(p.graph(), adapter, Optional.empty()),
          new io.github.lora4j.graph.SiteHooks.LinearSite(LAYER, dropped ? p.probe("x_dropped", x.shape()) : x,
              p.graph().program().find(LAYER + ".weight").orElseThrow(), p.graph().program().find(LAYER + ".bias")), y);
      return p.mse(adapted);
    });
    Map<String, float[]> data = new LinkedHashMap<>();
    data.put("x", t.get("x").values());
    data.put("lin.weight", module.kind() == ModuleInfo.Kind.CONV1D ? transpose(t.get("W0").values(), module.in(), module.out())
        : t.get("W0").values());
    data.put("lin.lora_A.weight", t.get("param.lora_A.default.weight").values());
    data.put("lin.lora_B.weight", t.get("param.lora_B.default.weight").values());
    if (module.bias()) {
      data.put("lin.bias", t.get("b0").values());
    }
    if (dropped) {
      data.put("x_dropped", t.get("x_dropped").values());
    }
    data.forEach((slot, values) -> program.floats().put(program.program().slot(slot).orElseThrow(), values));
    try (CpuBackend backend = new CpuBackend(new ReferenceKernels(DType.F32), new Workers(1)); Session session = new Session(program,
        backend)) {
      double[] y = session.run(Session.full(program)).get("y");
      check("y", y, t.get("y"));
      // The loss is Σ (y − labels)², so these labels make its gradient dy.
      float[] labels = program.floats().get(program.program().slot("labels").orElseThrow());
      for (int i = 0; i < labels.length; i++) {
        labels[i] = (float) (y[i] - t.get("dy").values()[i] / 2);
      }
      Map<String, double[]> got = session.run(Session.full(program));
      check("dA", got.get("lin.lora_A.weight.grad"), t.get("grad.lora_A.default.weight"));
      check("dB", got.get("lin.lora_B.weight.grad"), t.get("grad.lora_B.default.weight"));
      double[] dx = got.get("x.grad");
      if (dropped) {
        double[] through = got.get("x_dropped.grad");
        for (int i = 0; i < dx.length; i++) {
          dx[i] += through[i] * t.get("x_dropped").values()[i] / t.get("x").values()[i];
        }
      }
      check("dx", dx, t.get("dx"));
    }
  }

  private static void merge(Map<String, Tensor> t, LoraAdapter adapter, ModuleInfo module) {
    if (!t.containsKey("W_merged")) {
      return; // dropout cases are recorded in training only
    }
    DType type = t.get("W0").stored();
    try (AdapterValues values = new AdapterValues(adapter.parameters()); Arena arena = Arena.ofConfined()) {
      values.get("lin.lora_A.weight").copyFrom(MemorySegment.ofArray(t.get("param.lora_A.default.weight").values()));
      values.get("lin.lora_B.weight").copyFrom(MemorySegment.ofArray(t.get("param.lora_B.default.weight").values()));
      MemorySegment weight = arena.allocate((long) module.in() * module.out() * type.bytes(), 8);
      store(t.get("W0"), weight);
      LoraMerge.merge(adapter.sites().get(LAYER), values, type, weight);
      // One rounding of the sum, against PEFT's of the product and of the sum.
      double tolerance = type == DType.BF16 ? 0x1p-8 : 1e-6;
      check("merged", load(type, weight), t.get("W_merged"), tolerance);
      LoraMerge.unmerge(adapter.sites().get(LAYER), values, type, weight);
      check("unmerged", load(type, weight), t.get("W_unmerged"), 2 * tolerance);
    }
  }

  private static void check(String what, double[] got, Tensor want) {
    // A BF16 base makes PyTorch round three times where nothing is rounded here: the base's part, the branch's, and their sum.
    check(what, got, want, want.stored() == DType.BF16 ? 3 * 0x1p-9 : 1e-5);
  }

  private static void check(String what, double[] got, Tensor want, double tolerance) {
    double largest = Arrays.stream(want.doubles()).map(Math::abs).max().orElse(0);
    Comparison.check(what, got, want.doubles(), tolerance * largest);
  }

  private static void store(Tensor from, MemorySegment to) {
    for (int i = 0; i < from.values().length; i++) {
      if (from.stored() == DType.BF16) {
        to.setAtIndex(ValueLayout.JAVA_SHORT, i, DType.floatToBf16(from.values()[i]));
      } else {
        to.setAtIndex(ValueLayout.JAVA_FLOAT, i, from.values()[i]);
      }
    }
  }

  private static double[] load(DType type, MemorySegment from) {
    double[] to = new double[Math.toIntExact(from.byteSize() / type.bytes())];
    for (int i = 0; i < to.length; i++) {
      to[i] = type == DType.BF16 ? DType.bf16ToFloat(from.getAtIndex(ValueLayout.JAVA_SHORT, i)) : from.getAtIndex(ValueLayout.JAVA_FLOAT,
          i);
    }
    return to;
  }

  private static float[] transpose(float[] values, int rows, int cols) {
    float[] result = new float[values.length];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < cols; j++) {
        result[j * rows + i] = values[i * cols + j];
      }
    }
    return result;
  }
}
