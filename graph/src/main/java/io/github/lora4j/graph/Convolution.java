package io.github.lora4j.graph;

import io.github.lora4j.vector.ConfigException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How a convolution over one to three dimensions walks over its input, as PyTorch's {@code Conv1d}, {@code Conv2d} and {@code Conv3d}. A value
 * holds a batch of images with a row for each position, in PyTorch's order of dimensions, and a column for each channel; {@link #indices} says
 * which rows each output position sees. Padding is with zeros.
 *
 * @param channels of the input
 * @param kernel size in each dimension; the other lists are as long
 * @param groups parts of the channels that are convolved apart
 */
public record Convolution(int channels, List<Integer> kernel, List<Integer> stride, List<Integer> padding, List<Integer> dilation, int groups) {

  /** Checks and copies the lists. */
  public Convolution {
    kernel = List.copyOf(kernel);
    stride = List.copyOf(stride);
    padding = List.copyOf(padding);
    dilation = List.copyOf(dilation);
    int n = kernel.size();
    if (n < 1 || n > 3 || stride.size() != n || padding.size() != n || dilation.size() != n) {
      throw new ConfigException("convolution: kernel, stride, padding and dilation must have one to three sizes each, got %s, %s, %s, %s"
          .formatted(kernel, stride, padding, dilation));
    }
    if (kernel.stream().anyMatch(k -> k < 1) || stride.stream().anyMatch(s -> s < 1)
        || dilation.stream().anyMatch(d -> d < 1) || padding.stream().anyMatch(p -> p < 0)) {
      throw new ConfigException("convolution: kernel, stride and dilation must be positive and padding not negative, got %s, %s, %s, %s"
          .formatted(kernel, stride, dilation, padding));
    }
    if (channels < 1 || groups < 1 || channels % groups != 0) {
      throw new ConfigException("convolution: %d channels have no %d equal groups".formatted(channels, groups));
    }
  }

  /** Positions of the kernel. */
  public int taps() {
    return kernel.stream().reduce(1, Math::multiplyExact);
  }

  /** What an output position sees of all channels: columns of the unfolded input, channel by channel. */
  public int features() {
    return Math.multiplyExact(channels, taps());
  }

  /** The output's sizes: ⌊(size + 2·padding − dilation·(kernel − 1) − 1)/stride⌋ + 1 in each dimension. */
  public int[] outputSizes(int... sizes) {
    if (sizes.length != kernel.size()) {
      throw new ConfigException("convolution over %d dimensions, but the input has sizes %s".formatted(kernel.size(), Arrays.toString(sizes)));
    }
    return IntStream.range(0, sizes.length).map(i -> {
      int room = sizes[i] + 2 * padding.get(i) - dilation.get(i) * (kernel.get(i) - 1) - 1;
      if (room < 0) {
        throw new ConfigException("convolution: the kernel %s with dilation %s is larger than the padded input %s".formatted(kernel, dilation,
            Arrays.toString(sizes)));
      }
      return room / stride.get(i) + 1;
    }).toArray();
  }

  /** The input row that each output row sees at each kernel position, or −1 for padding [batch · outputs · taps]. */
  public int[] indices(int batch, int... sizes) {
    int inputs = Arrays.stream(sizes).reduce(1, Math::multiplyExact);
    int[] out = outputSizes(sizes);
    int outputs = Arrays.stream(out).reduce(1, Math::multiplyExact);
    int taps = taps();
    int[] indices = new int[batch * outputs * taps];
    for (int image = 0; image < batch; image++) {
      for (int o = 0; o < outputs; o++) {
        for (int t = 0; t < taps; t++) {
          int row = row(o, t, out, sizes);
          indices[(image * outputs + o) * taps + t] = row < 0 ? -1 : image * inputs + row;
        }
      }
    }
    return indices;
  }

  /** The output row that sees each input row at each kernel position, or −1 if none does [batch · inputs · taps]. */
  public int[] inverse(int batch, int... sizes) {
    int taps = taps();
    int[] indices = indices(batch, sizes);
    int[] inverse = new int[batch * Arrays.stream(sizes).reduce(1, Math::multiplyExact) * taps];
    Arrays.fill(inverse, -1);
    for (int i = 0; i < indices.length; i++) {
      if (indices[i] >= 0) {
        inverse[indices[i] * taps + i % taps] = i / taps;
      }
    }
    return inverse;
  }

  private int row(int output, int tap, int[] out, int[] sizes) {
    int row = 0;
    int step = 1;
    for (int d = sizes.length - 1; d >= 0; d--) {
      int at = output % out[d] * stride.get(d) + tap % kernel.get(d) * dilation.get(d) - padding.get(d);
      if (at < 0 || at >= sizes[d]) {
        return -1;
      }
      row += at * step;
      step *= sizes[d];
      output /= out[d];
      tap /= kernel.get(d);
    }
    return row;
  }
}
