package io.github.lora4j.cli.bench;

import java.util.Arrays;
import java.util.OptionalDouble;

/**
 * Seconds of one thing, several times.
 *
 * @param group "step" or "kernel"
 * @param name of the step's shape or the kernel's
 * @param backend what ran it
 * @param batch sequences of a step; 0 for kernels
 * @param tokens of one repetition; 0 where there are none
 * @param flops of one repetition; 0 where they are not counted
 * @param traffic bytes that one repetition reads and writes; 0 where they are not counted
 * @param memory bytes the program holds; 0 for kernels
 * @param joules of one repetition, where the system tells
 */
record Measurement(String group, String name, String backend, int batch, long tokens, long flops, long traffic, long memory,
    OptionalDouble joules,
    double[] seconds) {

  /** What it is called in every report. */
  String key() {
    return group + " " + name + (batch > 0 ? " x" + batch : "") + " on " + backend;
  }

  double median() {
    return quantile(0.5);
  }

  /** By linear interpolation. */
  double quantile(double q) {
    double[] sorted = seconds.clone();
    Arrays.sort(sorted);
    double at = q * (sorted.length - 1);
    int low = (int) at;
    return sorted[low] + (at - low) * (sorted[Math.min(sorted.length - 1, low + 1)] - sorted[low]);
  }

  /** Half the distance between the quartiles, as a share of the median: how much it varies. */
  double spread() {
    return (quantile(0.75) - quantile(0.25)) / 2 / median();
  }

  double gflops() {
    return flops / median() / 1e9;
  }

  double tokensPerSecond() {
    return tokens / median();
  }
}
