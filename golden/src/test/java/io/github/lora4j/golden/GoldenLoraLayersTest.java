package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.AdapterParameter;
import io.github.lora4j.lora.AdapterValues;
import io.github.lora4j.lora.LoraAdapter;
import io.github.lora4j.lora.LoraConfig;
import io.github.lora4j.lora.LoraMerge;
import io.github.lora4j.lora.LoraMethod;
import io.github.lora4j.lora.ModelDescription;
import io.github.lora4j.testkit.Comparison;
import io.github.lora4j.golden.GoldenCases.Tensor;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** One adapted layer by PEFT: output, gradients of input, A and B, and the merged weight, through the graph. */
class GoldenLoraLayersTest {

  static final String LAYER = "lin";

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
    Map<String, Tensor> rows = convolution ? Images.rows(t) : t;
    new LayerProgram(rows, convolution ? Images.sizes(t.get("x")) : new int[0], adapter, module, ids,
        c.path("base_args").path("padding_idx").asInt(-1)).forwardAndBackward(p -> t.get("param." + recorded(p)).values(),
            (p, gradient) -> check("gradient of " + p.slot(), gradient, t.get("grad." + recorded(p))));
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

  static double[] widen(float[] values) {
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

  static void check(String what, double[] got, Tensor want) {
    // A BF16 base makes PyTorch round three times where nothing is rounded here: the base's part, the branch's, and their sum.
    check(what, got, want, want.stored() == DType.BF16 ? 3 * 0x1p-9 : 1e-5);
  }

  static void check(String what, double[] got, Tensor want, double tolerance) {
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
}
