package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.golden.GoldenCases.Tensor;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMerge;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.testkit.Comparison;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** One adapted layer by PEFT: output, gradients of input, A and B, and the merged weight, through the graph. */
class GoldenLoraLayersTest {

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
    JsonNode base = c.path("base_args");
    Path tensors = file.resolveSibling(GoldenCases.name(file) + ".safetensors");
    Map<String, Tensor> t = GoldenCases.tensors(tensors);
    String layer = layer(c);
    LoraConfig config = LoraConfig.ofPeft(GoldenCases.map(c.path("config"))).toBuilder().targetModules(layer).build();
    boolean conv1d = config.fanInFanOut();
    List<Long> shape = t.get("W0").shape();
    int in = Math.toIntExact(shape.get(conv1d || embedding ? 0 : 1));
    int out = Math.toIntExact(shape.get(conv1d || embedding ? 1 : 0));
    Kind kind = embedding ? Kind.EMBEDDING : conv1d ? Kind.CONV1D : Kind.LINEAR;
    ModuleInfo module = convolution ? ModuleInfo.convolution(layer, Images.convolution(base), out, t.containsKey("b0"))
        : new ModuleInfo(layer, kind, in, out, t.containsKey("b0"));
    LoraAdapter adapter = new LoraMethod().create(config, ModelDescription.of("test", List.of(module)));
    if (c.has("scaling")) {
      assertEquals(c.path("scaling").asDouble(), adapter.sites().get(layer).target().scaling());
    }
    if (c.has("state_dict_keys")) {
      keys(c, adapter);
    }
    Map<String, String> recorded = GoldenCases.bySlot(t.keySet(), "param.");
    Function<AdapterParameter, String> name = p -> recorded.get(p.slot().substring(layer.length() + 1)).substring("param.".length());
    Map<String, Tensor> rows = convolution ? Images.rows(t) : t;
    int[] ids = embedding ? Numbers.integers(tensors, "x") : new int[0];
    new LayerProgram(rows, convolution ? Images.sizes(t.get("x")) : new int[0], adapter, module,
        new LayerProgram.Ids(ids, base.path("padding_idx").asInt(-1), base.path("scale_grad_by_freq").asBoolean())).forwardAndBackward(p ->
        t.get("param." + name.apply(p)).values(),
            (p, gradient) -> check("gradient of " + p.slot(), gradient, t.get("grad." + name.apply(p))));
    if (c.has("merge_error")) {
      try (AdapterValues values = new AdapterValues(adapter.parameters())) {
        adapter.parameters().forEach(p -> values.get(p.slot()).copyFrom(MemorySegment.ofArray(t.get("param." + name.apply(p)).values())));
        assertThrows(ConfigException.class, () -> adapter.weightChanges(values).values()
            .forEach(change -> change.apply(DType.F32, MemorySegment.ofArray(t.get("W0").values().clone()))));
      }
    }
    merge(t, adapter, module, name);
  }

  /** The layer's name, from the keys that are saved. */
  private static String layer(JsonNode c) {
    Iterator<String> keys = c.path("state_dict_keys").fieldNames();
    return keys.hasNext() ? keys.next().replaceFirst("^base_model\\.model\\.", "").replaceFirst("\\.lora_.*", "") : "lin";
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

  static double[] widen(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }

  private static void merge(Map<String, Tensor> t, LoraAdapter adapter, ModuleInfo module, Function<AdapterParameter, String> name) {
    if (!t.containsKey("W_merged")) {
      return; // dropout cases are recorded in training only
    }
    DType type = t.get("W0").stored();
    try (AdapterValues values = new AdapterValues(adapter.parameters()); Arena arena = Arena.ofConfined()) {
      adapter.parameters().forEach(p -> values.get(p.slot()).copyFrom(MemorySegment.ofArray(t.get("param." + name.apply(p)).values())));
      MemorySegment weight = arena.allocate((long) module.in() * module.out() * type.bytes(), 8);
      store(t.get("W0"), weight);
      double[] factors = LoraMerge.merge(adapter.sites().get(module.name()), values, type, weight);
      // One rounding of the sum, against PEFT's of the product and of the sum.
      double tolerance = type == DType.F32 ? 1e-6 : 2 * rounding(type);
      check("merged", load(type, weight), t.get("W_merged"), tolerance);
      if (!t.containsKey("W_unmerged")) {
        return;
      }
      LoraMerge.unmerge(adapter.sites().get(module.name()), values, type, weight, factors);
      check("unmerged", load(type, weight), t.get("W_unmerged"), 2 * tolerance);
    }
  }

  static void check(String what, double[] got, Tensor want) {
    // A base in half precision makes PyTorch round three times where nothing is rounded here: the base's part, the branch's, and their sum.
    check(what, got, want, want.stored() == DType.F32 ? 1e-5 : 3 * rounding(want.stored()));
  }

  static void check(String what, double[] got, Tensor want, double tolerance) {
    double largest = Arrays.stream(want.doubles()).map(Math::abs).max().orElse(0);
    Comparison.check(what, got, want.doubles(), tolerance * largest);
  }

  /** The largest relative error of one rounding. */
  private static double rounding(DType type) {
    return switch (type) {
      case BF16 -> 0x1p-9;
      case F16 -> 0x1p-12;
      default -> 0;
    };
  }

  private static void store(Tensor from, MemorySegment to) {
    for (int i = 0; i < from.values().length; i++) {
      switch (from.stored()) {
        case BF16 -> to.setAtIndex(ValueLayout.JAVA_SHORT, i, DType.floatToBf16(from.values()[i]));
        case F16 -> to.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(from.values()[i]));
        default -> to.setAtIndex(ValueLayout.JAVA_FLOAT, i, from.values()[i]);
      }
    }
  }

  private static double[] load(DType type, MemorySegment from) {
    double[] to = new double[Math.toIntExact(from.byteSize() / type.bytes())];
    for (int i = 0; i < to.length; i++) {
      to[i] = switch (type) {
        case BF16 -> DType.bf16ToFloat(from.getAtIndex(ValueLayout.JAVA_SHORT, i));
        case F16 -> Float.float16ToFloat(from.getAtIndex(ValueLayout.JAVA_SHORT, i));
        default -> from.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      };
    }
    return to;
  }
}
