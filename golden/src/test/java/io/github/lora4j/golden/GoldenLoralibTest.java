package io.github.lora4j.golden;

import static io.github.lora4j.golden.GoldenLoraLayersTest.check;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.golden.GoldenCases.Tensor;
import io.github.lora4j.graph.Convolution;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.LoralibFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.vector.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** loralib's layers, imported: outputs, merged weights, and the gradients of its own matrices, which those of the imported ones hold. */
class GoldenLoralibTest {

  private static final String LAYER = "lin";

  @TempDir
  private Path dir;

  @TestFactory
  Stream<DynamicTest> layers() {
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    for (Path file : GoldenCases.jsonFiles("loralib")) {
      cases.put(GoldenCases.name(file), () -> compare(file));
    }
    return GoldenCases.tests("loralib", cases);
  }

  private void compare(Path file) {
    JsonNode c = GoldenCases.json(file);
    Map<String, Tensor> t = GoldenCases.tensors(file.resolveSibling(GoldenCases.name(file) + ".safetensors"));
    String peer = c.path("peer").textValue();
    String desc = c.path("desc").asText();
    boolean embeds = peer.endsWith(".Embedding");
    boolean image = peer.endsWith(".Conv2d");
    if (!embeds && !image && !peer.matches(".*\\.(Merged)?Linear")) {
      throw GoldenCases.notYet("layer " + peer);
    }
    List<Long> shape = t.get("param.weight").shape();
    // The weight of a linear layer lies as the sizes of x and y tell; a square one as the words do.
    long inputs = t.containsKey("x") ? t.get("x").shape().getLast() : 0;
    boolean square = shape.getFirst().equals(shape.getLast());
    boolean turned = !embeds && !image && (square ? desc.matches(".*fan_in_fan_out(?!=False).*") : shape.getFirst() == inputs);
    int out = Math.toIntExact(shape.get(turned || embeds ? 1 : 0));
    int in = Math.toIntExact(shape.get(turned || embeds ? 0 : 1));
    boolean bias = t.containsKey("param.bias");
    ModuleInfo module = image ? ModuleInfo.convolution(LAYER, convolution(t, desc), out, bias)
        : new ModuleInfo(LAYER, embeds ? Kind.EMBEDDING : turned ? Kind.CONV1D : Kind.LINEAR, in, out, bias);
    List<Boolean> enabled = peer.endsWith(".MergedLinear") ? enabled(desc) : List.of();
    int r = Math.toIntExact(image ? t.get("param.lora_A").shape().getFirst() / shape.getLast()
        : t.get("param.lora_B").shape().getLast());
    String name = GoldenCases.name(file);
    ModelDescription model = ModelDescription.of("test", List.of(module));
    double alpha = c.path("scaling").asDouble() * r;
    try (Checkpoint checkpoint = Checkpoint.open(saved(name, t, false)); Checkpoint numbered = Checkpoint.open(saved(name, t, true));
        LoadedAdapter loaded = LoralibFormat.load(checkpoint, alpha, enabled, model);
        LoadedAdapter places = LoralibFormat.load(numbered, alpha, enabled, model)) {
      LoraAdapter adapter = (LoraAdapter) loaded.adapter();
      assertEquals(c.path("scaling").asDouble(), adapter.sites().get(LAYER).target().scaling(), 1e-12);
      boolean convolution = module.convolution().isPresent();
      Map<String, Tensor> rows = new LinkedHashMap<>(convolution ? Images.rows(t) : t);
      rows.put("W0", t.get("param.weight"));
      if (bias) {
        rows.put("b0", t.get("param.bias"));
      }
      int[] ids = embeds ? Numbers.integers(file.resolveSibling(GoldenCases.name(file) + ".safetensors"), "x") : new int[0];
      Map<String, double[]> gradients = new LinkedHashMap<>();
      new LayerProgram(rows, convolution ? Images.sizes(t.get("x")) : new int[0], adapter, module,
          new LayerProgram.Ids(ids, -1, false)).forwardAndBackward(
          p -> loaded.values().get(p.slot()).toArray(ValueLayout.JAVA_FLOAT), (p, gradient) -> gradients.put(p.slot(), gradient));
      for (AdapterParameter p : adapter.parameters()) {
        if (p.ofBase() && t.containsKey("grad.bias")) {
          check("gradient of " + p.slot(), gradients.get(p.slot()), t.get("grad.bias"));
        }
      }
      String suffix = module.kind() == Kind.EMBEDDING ? ".lora_embedding_" : ".lora_";
      String end = module.kind() == Kind.EMBEDDING ? "" : ".weight";
      for (String matrix : List.of("A", "B")) {
        String slot = LAYER + suffix + matrix + end;
        Tensor want = t.get("grad.lora_" + matrix);
        check("gradient of " + matrix, own(gradients.get(slot), places.values().get(slot).toArray(ValueLayout.JAVA_FLOAT), want.values().length),
            want);
      }
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment weight = arena.allocateFrom(ValueLayout.JAVA_FLOAT, t.get("param.weight").values());
        adapter.weightChanges(loaded.values()).get(LAYER + ".weight").apply(DType.F32, weight);
        check("merged", GoldenLoraLayersTest.widen(weight.toArray(ValueLayout.JAVA_FLOAT)), t.get("W_merged"));
      }
    }
  }

  /** The gradient of loralib's own matrix: for each of its entries the sum over the places where the imported adapter holds it. */
  private static double[] own(double[] gradient, float[] places, int entries) {
    double[] sum = new double[entries];
    for (int i = 0; i < places.length; i++) {
      if (places[i] != 0) {
        sum[Math.round(places[i]) - 1] += gradient[i];
      }
    }
    return sum;
  }

  /** A file of loralib's: the adapter of a case, with its matrices numbered from 1 on if that is to show where their entries go. */
  private Path saved(String name, Map<String, Tensor> t, boolean numbered) {
    Path saved = dir.resolve(name + (numbered ? "_numbered" : "") + ".safetensors");
    SafetensorsWriter writer = new SafetensorsWriter();
    t.forEach((tensor, values) -> {
      if (tensor.startsWith("param.") && !tensor.equals("param.weight")) {
        float[] content = values.values().clone();
        for (int i = 0; numbered && i < content.length; i++) {
          content[i] = i + 1;
        }
        writer.add(new TensorInfo(LAYER + tensor.substring("param".length()), DType.F32, values.shape()), MemorySegment.ofArray(content));
      }
    });
    writer.write(saved);
    return saved;
  }

  /** {@code enable_lora=[T,F,T]}. */
  private static List<Boolean> enabled(String desc) {
    Matcher list = Pattern.compile("enable_lora=\\[([^]]*)]").matcher(desc);
    if (!list.find()) {
      throw GoldenCases.notYet("the description does not say which parts of the merged layer are adapted");
    }
    return Arrays.stream(list.group(1).split("\\s*,\\s*")).map(part -> part.startsWith("T")).toList();
  }

  /** Stride and padding that the words say; without words stride 1, and the padding that the sizes tell. Groups by the shapes. */
  private static Convolution convolution(Map<String, Tensor> t, String desc) {
    List<Long> weight = t.get("param.weight").shape();
    int k = Math.toIntExact(weight.getLast());
    int channels = Math.toIntExact(t.get("x").shape().get(1));
    int stride = said(desc, "stride").orElse(1);
    int padding = said(desc, "padding").orElse((stride * (Images.sizes(t.get("y"))[0] - 1) + k - Images.sizes(t.get("x"))[0] + 1) / 2);
    return new Convolution(channels, List.of(k, k), List.of(stride, stride), List.of(padding, padding), List.of(1, 1),
        channels / Math.toIntExact(weight.get(1)));
  }

  private static OptionalInt said(String desc, String key) {
    Matcher number = Pattern.compile(key + "=(\\d+)").matcher(desc);
    return number.find() ? OptionalInt.of(Integer.parseInt(number.group(1))) : OptionalInt.empty();
  }
}
