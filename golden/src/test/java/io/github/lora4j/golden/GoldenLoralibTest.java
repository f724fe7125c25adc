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
import java.util.Optional;
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
    Path saved = dir.resolve(GoldenCases.name(file) + ".safetensors");
    SafetensorsWriter writer = new SafetensorsWriter();
    t.forEach((name, tensor) -> {
      if (name.startsWith("param.") && !name.equals("param.weight")) {
        writer.add(new TensorInfo(LAYER + name.substring("param".length()), DType.F32, tensor.shape()), MemorySegment.ofArray(tensor.values()));
      }
    });
    writer.write(saved);
    int r = Math.toIntExact(image ? t.get("param.lora_A").shape().getFirst() / shape.getLast()
        : t.get("param.lora_B").shape().getLast());
    try (Checkpoint checkpoint = Checkpoint.open(saved); LoadedAdapter loaded = LoralibFormat.load(checkpoint, c.path("scaling").asDouble() * r,
        enabled, ModelDescription.of("test", List.of(module)), Optional.empty())) {
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
      new LayerProgram(rows, convolution ? Images.sizes(t.get("x")) : new int[0], adapter, module, ids, -1).forwardAndBackward(
          p -> loaded.values().get(p.slot()).toArray(ValueLayout.JAVA_FLOAT), (p, gradient) -> gradients.put(p.slot(), gradient));
      for (AdapterParameter p : adapter.parameters()) {
        if (p.ofBase() && t.containsKey("grad.bias")) {
          check("gradient of " + p.slot(), gradients.get(p.slot()), t.get("grad.bias"));
        }
      }
      String suffix = module.kind() == Kind.EMBEDDING ? ".lora_embedding_" : ".lora_";
      String end = module.kind() == Kind.EMBEDDING ? "" : ".weight";
      check("gradient of A", own(gradients.get(LAYER + suffix + "A" + end), t.get("param.lora_A").shape(), module),
          t.get("grad.lora_A"));
      double[] b = gradients.get(LAYER + suffix + "B" + end);
      check("gradient of B", enabled.isEmpty() ? b : blocks(b, out, r, enabled), t.get("grad.lora_B"));
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment weight = arena.allocateFrom(ValueLayout.JAVA_FLOAT, t.get("param.weight").values());
        adapter.weightChanges(loaded.values()).get(LAYER + ".weight").apply(DType.F32, weight);
        check("merged", GoldenLoraLayersTest.widen(weight.toArray(ValueLayout.JAVA_FLOAT)), t.get("W_merged"));
      }
    }
  }

  /** A's gradient: of a convolution the sum over the parts that share it. */
  private static double[] own(double[] gradient, List<Long> shape, ModuleInfo module) {
    if (module.convolution().isEmpty()) {
      return gradient;
    }
    int rows = Math.toIntExact(shape.getFirst());
    int width = Math.toIntExact(shape.getLast());
    double[] sum = new double[rows * width];
    for (int p = 0; p < module.in() / width; p++) {
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < width; j++) {
          sum[i * width + j] += gradient[(p * rows + i) * module.in() + p * width + j];
        }
      }
    }
    return sum;
  }

  /** B's gradient: its blocks, without what lies outside of them. */
  private static double[] blocks(double[] gradient, int out, int r, List<Boolean> enabled) {
    int part = out / enabled.size();
    int on = Math.toIntExact(enabled.stream().filter(e -> e).count());
    double[] own = new double[on * part * r];
    int block = 0;
    for (int e = 0; e < enabled.size(); e++) {
      if (enabled.get(e)) {
        for (int o = 0; o < part; o++) {
          System.arraycopy(gradient, (e * part + o) * on * r + block * r, own, (block * part + o) * r, r);
        }
        block++;
      }
    }
    return own;
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
