package io.github.lora4j.lora.sets;

import io.github.lora4j.lora.parameters.Initial;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** How tensors of several tasks become one, element by element: PEFT's {@code merge_utils}, computed in double. */
public final class TensorMerge {

  /** Which sign an element's majority has. */
  public enum MajoritySign {
    /** That of the sum. */
    TOTAL,
    /** That of most tensors. */
    FREQUENCY
  }

  private TensorMerge() {}

  /**
   * Keeps the ⌊density·n⌋ elements of largest magnitude and makes the others zero; of equal ones the first stay.
   *
   * @param density in [0, 1]; 1 keeps all
   */
  public static double[] prune(double[] tensor, double density) {
    if (density >= 1) {
      return tensor.clone();
    }
    double[] kept = new double[tensor.length];
    IntStream.range(0, tensor.length).boxed().sorted(Comparator.comparingDouble(i -> -Math
        .abs(tensor[i]))).limit((long) (density * tensor.length))
        .forEach(i -> kept[i] = tensor[i]);
    return kept;
  }

  /**
   * Keeps each element with probability {@code density} and divides it by that, so that the mean stays (DARE).
   *
   * @param name what the random numbers depend on, beside the seed and an element's place
   */
  public static double[] drop(double[] tensor, double density, String name, long seed) {
    if (density >= 1) {
      return tensor.clone();
    }
    double[] kept = new double[tensor.length];
    try (Memory memory = new Memory("dropped elements")) {
      MemorySegment random = memory.allocate((long) tensor.length * Float.BYTES, name);
      new Initial.Uniform(1).fill(name, seed, random);
      for (int i = 0; i < kept.length; i++) {
        // Uniform in [-1, 1].
        kept[i] = random.getAtIndex(ValueLayout.JAVA_FLOAT, i) < 2 * density - 1 ? tensor[i] / density : 0;
      }
    }
    return kept;
  }

  /** Σ w·t. */
  public static double[] sum(List<double[]> tensors, double[] weights) {
    double[] result = new double[same(tensors, weights)];
    for (int t = 0; t < weights.length; t++) {
      for (int i = 0; i < result.length; i++) {
        result[i] += weights[t] * tensors.get(t)[i];
      }
    }
    return result;
  }

  /** The mean of w·t over the tensors whose element has the majority's sign; zero where none has. */
  public static double[] agree(List<double[]> tensors, double[] weights, MajoritySign method) {
    double[] result = new double[same(tensors, weights)];
    for (int i = 0; i < result.length; i++) {
      int at = i;
      double total = tensors.stream().mapToDouble(t -> method == MajoritySign.TOTAL ? t[at] : Math.signum(t[at])).sum();
      double majority = total >= 0 ? 1 : -1;
      int agreeing = 0;
      for (int t = 0; t < weights.length; t++) {
        if (Math.signum(tensors.get(t)[i]) == majority) {
          result[i] += weights[t] * tensors.get(t)[i];
          agreeing++;
        }
      }
      result[i] /= Math.max(1, agreeing);
    }
    return result;
  }

  /** The value below which a share of the numbers lies, interpolated between two of them. */
  public static double quantile(double[] values, double share) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    double at = share * (sorted.length - 1);
    int below = (int) Math.floor(at);
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }

  /** Every number cut to [-bound, bound]; where a negative bound makes them cross, to {@code bound}, as PyTorch does. */
  public static double[] clamp(double[] values, double bound) {
    return Arrays.stream(values).map(x -> Math.min(Math.max(x, -bound), bound)).toArray();
  }

  private static int same(List<double[]> tensors, double[] weights) {
    if (tensors.isEmpty() || tensors.size() != weights.length || tensors.stream().anyMatch(t -> t.length != tensors.getFirst().length)) {
      throw new ConfigException("expected as many weights as tensors and tensors of one size, got %d weights and sizes %s"
          .formatted(weights.length,
          tensors.stream().map(t -> t.length).toList()));
    }
    return tensors.getFirst().length;
  }
}
