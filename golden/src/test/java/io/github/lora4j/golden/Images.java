package io.github.lora4j.golden;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.golden.GoldenCases.Tensor;
import io.github.lora4j.graph.Convolution;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.testkit.TestProgram;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** PyTorch's images [batch, channels, positions…] as rows of positions. */
final class Images {

  private Images() {}

  static Convolution convolution(JsonNode args) {
    return new Convolution(args.path("in_channels").asInt(), list(args, "kernel_size"), list(args, "stride"), list(args, "padding"),
        list(args, "dilation"), args.path("groups").asInt());
  }

  /** As PyTorch prints it: "Conv2d(5, 7, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1))". */
  static Convolution convolution(String printed) {
    int channels = Integer.parseInt(printed.replaceFirst("\\w+\\((\\d+), .*", "$1"));
    List<Integer> kernel = list(printed, "kernel_size", List.of());
    return new Convolution(channels, kernel, list(printed, "stride", kernel.stream().map(k -> 1).toList()), list(printed, "padding",
        kernel.stream().map(k -> 0).toList()), list(printed, "dilation", kernel.stream().map(k -> 1).toList()),
        Integer.parseInt(("groups=1," + printed).replaceFirst("(?s).*groups=(\\d+).*", "$1")));
  }

  private static List<Integer> list(String printed, String key, List<Integer> otherwise) {
    Matcher m = Pattern.compile(key + "=\\(([^)]*)\\)").matcher(printed);
    return m.find() ? Arrays.stream(m.group(1).split(", ?")).map(Integer::parseInt).toList() : otherwise;
  }

  private static List<Integer> list(JsonNode args, String key) {
    List<Integer> list = new ArrayList<>();
    args.path(key).forEach(n -> list.add(n.asInt()));
    return list;
  }

  /** The sizes behind batch and channels. */
  static int[] sizes(Tensor image) {
    return image.shape().stream().skip(2).mapToInt(Math::toIntExact).toArray();
  }

  /** The tensors with images as [batch · positions, channels]. */
  static Map<String, Tensor> rows(Map<String, Tensor> tensors) {
    Map<String, Tensor> rows = new LinkedHashMap<>(tensors);
    for (String name : List.of("x", "dx", "y", "dy")) {
      Tensor t = tensors.get(name);
      int batch = Math.toIntExact(t.shape().getFirst());
      int channels = Math.toIntExact(t.shape().get(1));
      int positions = t.values().length / batch / channels;
      float[] values = new float[t.values().length];
      for (int i = 0; i < values.length; i++) {
        int image = i / (channels * positions);
        int channel = i / positions % channels;
        values[(image * positions + i % positions) * channels + channel] = t.values()[i];
      }
      rows.put(name, new Tensor(List.of((long) batch * positions, (long) channels), t.stored(), values));
    }
    return rows;
  }

  /** The module on a probe "x" of these rows. */
  static Value record(TestProgram p, Sites sites, ModuleInfo module, List<Long> rows, int[] sizes) {
    Convolution c = module.convolution().orElseThrow();
    int inputs = Math.toIntExact(rows.getFirst());
    int positions = Arrays.stream(sizes).reduce(1, Math::multiplyExact);
    int batch = inputs / positions;
    int[] indices = c.indices(batch, sizes);
    int[] inverse = c.inverse(batch, sizes);
    RowAxis in = p.axis("in", inputs);
    RowAxis out = p.axis("out", indices.length / c.taps());
    Value x = p.probe("x", Shape.of(in, c.channels()));
    return sites.convolution(module.name(), c, x, p.table("indices", Shape.of(out, c.taps()), live -> indices),
        p.table("inverse", Shape.of(in, c.taps()), live -> inverse), module.out(), module.bias());
  }
}
