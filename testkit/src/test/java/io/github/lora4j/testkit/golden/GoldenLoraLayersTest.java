package io.github.lora4j.testkit.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.SiteHooks.LinearSite;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.AdapterParameter;
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
import java.util.ArrayList;
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
    String peer = c.path("peer").textValue();
    boolean embedding = peer.endsWith(".Embedding");
    boolean convolution = peer.matches(".*\\.Conv[123]d");
    if (!embedding && !convolution && !peer.endsWith(".Linear")) {
      throw GoldenCases.notYet("LoRA on " + peer);
    }
    LoraConfig config = LoraConfig.ofPeft(GoldenCases.map(c.path("config"))).toBuilder().targetModules(LAYER).build();
    Map<String, Tensor> t = GoldenCases.tensors(file.resolveSibling(GoldenCases.name(file) + ".safetensors"));
    boolean conv1d = config.fanInFanOut();
    List<Long> shape = t.get("W0").shape();
    int in = Math.toIntExact(shape.get(conv1d || embedding ? 0 : 1));
    int out = Math.toIntExact(shape.get(conv1d || embedding ? 1 : 0));
    Kind kind = embedding ? Kind.EMBEDDING : conv1d ? Kind.CONV1D : Kind.LINEAR;
    ModuleInfo module = convolution ? ModuleInfo.convolution(LAYER, Images.convolution(c.path("base_args")), out, t.containsKey("b0"))
        : new ModuleInfo(LAYER, kind, in, out, t.containsKey("b0"));
    LoraAdapter adapter = new LoraMethod().create(config, ModelDescription.of("test", List.of(module)));
    assertEquals(c.path("scaling").asDouble(), adapter.sites().get(LAYER).target().scaling());
    keys(c, adapter);
    int[] ids = new int[0];
    if (embedding) {
      try (Checkpoint tensors = Checkpoint.open(file.resolveSibling(GoldenCases.name(file) + ".safetensors"))) {
        float[] x = Numbers.floats(tensors, "x");
        ids = new int[x.length];
        for (int i = 0; i < ids.length; i++) {
          ids[i] = (int) x[i];
        }
      }
    }
    new Layer(convolution ? Images.rows(t) : t, convolution ? Images.sizes(t.get("x")) : new int[0], adapter, module, ids, c.path("base_args").path("padding_idx").asInt(-1)).forwardAndBackward();
    if (c.has("merge_error")) {
      try (AdapterValues values = new AdapterValues(adapter.parameters())) {
        assertThrows(ConfigException.class, () -> adapter.weightChanges(values));
      }
    }
    merge(t, adapter, module);
  }

  /** Names and shapes in the file. */
  private static void keys(JsonNode c, LoraAdapter adapter) {
    Map<String, List<Long>> recorded = new LinkedHashMap<>();
    c.path("state_dict_keys").properties().forEach(entry -> {
      List<Long> shape = new ArrayList<>();
      entry.getValue().forEach(d -> shape.add(d.asLong()));
      recorded.put(entry.getKey(), shape);
    });
    Map<String, List<Long>> ours = new LinkedHashMap<>();
    adapter.parameters().forEach(p -> ours.put(p.key(), p.shape()));
    assertEquals(recorded, ours);
  }

  /** Where PEFT's recording holds a parameter: "lora_A.default.weight", "lora_embedding_A.default". */
  private static String recorded(AdapterParameter p) {
    String name = p.slot().substring(LAYER.length() + 1);
    return name.equals("lora_magnitude_vector") ? name + ".default.weight" : name.replaceFirst("(\\.(weight|bias))?$", ".default$1");
  }

  /** The layer as a program: with x, or what dropout let through of it, as a probe; or ids that look up an embedding. */
  private record Layer(Map<String, Tensor> t, int[] sizes, LoraAdapter adapter, ModuleInfo module, int[] ids, int padding) {

    private Value record(TestProgram p) {
      Sites sites = new Sites(p.graph(), adapter, Optional.empty());
      if (module.kind() == Kind.EMBEDDING) {
        RowAxis axis = p.axis("rows", ids.length);
        Value table = p.table("ids", Shape.of(axis, 1), live -> ids);
        // Padding learns nothing: it is no one's inverse.
        inverse(p, axis);
        return p.mse(sites.embedding(LAYER, table, module.in(), module.out(), Optional.empty()));
      }
      if (module.convolution().isPresent()) {
        return p.mse(Images.record(p, sites, module, t.get("x").shape(), sizes));
      }
      RowAxis axis = p.axis("rows", t.get("x").values().length / module.in());
      Value x = p.probe("x", Shape.of(axis, module.in()));
      if (!t.containsKey("x_dropped")) {
        return p.mse(sites.linear(LAYER, x, module.out(), module.bias()));
      }
      // No randomness: the branch reads what PEFT's dropout let through, from a slot of its own.
      Value y = new Sites(p.graph(), io.github.lora4j.graph.SiteHooks.NONE, Optional.empty()).linear(LAYER, x, module.out(), module.bias());
      return p.mse(adapter.dropped(sites, new LinearSite(LAYER, x, p.graph().program().find(LAYER + ".weight").orElseThrow(),
          p.graph().program().find(LAYER + ".bias")), p.probe("x_dropped", x.shape()), y));
    }

    private void inverse(TestProgram p, RowAxis axis) {
      int[] distinct = Arrays.stream(ids).filter(id -> id != padding).distinct().sorted().toArray();
      List<Integer> order = new ArrayList<>();
      int[] starts = new int[distinct.length + 1];
      for (int u = 0; u < distinct.length; u++) {
        for (int i = 0; i < ids.length; i++) {
          if (ids[i] == distinct[u]) {
            order.add(i);
          }
        }
        starts[u + 1] = order.size();
      }
      RowAxis unique = p.axis("ids.unique", distinct.length);
      p.table("ids.unique", Shape.of(unique, 1), live -> distinct);
      p.table("ids.starts", Shape.of(distinct.length + 1, 1), live -> starts);
      p.table("ids.order", Shape.of(axis, 1), live -> order.stream().mapToInt(i -> i).toArray());
    }

    void forwardAndBackward() {
      boolean dropped = t.containsKey("x_dropped");
      TestProgram program = new TestProgram(LAYER, module.in(), this::record, adapter::recordPrepare);
      Map<String, float[]> data = new LinkedHashMap<>();
      float[] w = t.get("W0").values();
      data.put("lin.weight", module.kind() == Kind.CONV1D ? transpose(w, module.in(), module.out()) : w);
      adapter.parameters().forEach(p -> data.put(p.slot(), inProgram(p, t.get("param." + recorded(p)).values())));
      adapter.baseNorms().forEach((slot, norm) -> data.put(slot, norm.of(MemorySegment.ofArray(data.get("lin.weight")))));
      if (module.kind() != Kind.EMBEDDING) {
        data.put("x", t.get("x").values());
      }
      if (module.bias()) {
        data.put("lin.bias", t.get("b0").values());
      }
      if (dropped) {
        data.put("x_dropped", t.get("x_dropped").values());
      }
      adapter.baseNorms().values().forEach(norm -> {
        if (t.containsKey("m_init")) {
          check("initial magnitude", widen(norm.of(MemorySegment.ofArray(data.get("lin.weight")))), t.get("m_init"));
        }
      });
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
        for (AdapterParameter p : adapter.parameters()) {
          check("gradient of " + p.slot(), stored(p, got.get(p.slot() + ".grad")), t.get("grad." + recorded(p)));
        }
        if (module.kind() == Kind.EMBEDDING) {
          return;
        }
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

    private static float[] inProgram(AdapterParameter p, float[] stored) {
      float[] program = new float[stored.length];
      p.toProgram(MemorySegment.ofArray(stored), MemorySegment.ofArray(program));
      return program;
    }

    private static double[] stored(AdapterParameter p, double[] program) {
      float[] narrow = new float[program.length];
      for (int i = 0; i < narrow.length; i++) {
        narrow[i] = (float) program[i];
      }
      float[] stored = new float[program.length];
      p.fromProgram(MemorySegment.ofArray(narrow), MemorySegment.ofArray(stored));
      return widen(stored);
    }
  }

  private static double[] widen(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }

  private static void merge(Map<String, Tensor> t, LoraAdapter adapter, ModuleInfo module) {
    if (!t.containsKey("W_merged")) {
      return; // dropout cases are recorded in training only
    }
    DType type = t.get("W0").stored();
    try (AdapterValues values = new AdapterValues(adapter.parameters()); Arena arena = Arena.ofConfined()) {
      adapter.parameters().forEach(p -> values.get(p.slot()).copyFrom(MemorySegment.ofArray(t.get("param." + recorded(p)).values())));
      MemorySegment weight = arena.allocate((long) module.in() * module.out() * type.bytes(), 8);
      store(t.get("W0"), weight);
      double[] factors = LoraMerge.merge(adapter.sites().get(LAYER), values, type, weight);
      // One rounding of the sum, against PEFT's of the product and of the sum.
      double tolerance = type == DType.BF16 ? 0x1p-8 : 1e-6;
      check("merged", load(type, weight), t.get("W_merged"), tolerance);
      LoraMerge.unmerge(adapter.sites().get(LAYER), values, type, weight, factors);
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
