package io.github.lora4j.bench;

import java.util.Arrays;

/**
 * A mean over seeds and half the width of Student's 95 % interval, t·s/√n; NaN with one seed.
 *
 * @param n how many
 */
record Student(int n, double mean, double half) {

  /** The 97.5 % quantile for 1, 2, … degrees of freedom. */
  private static final double[] T = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
      2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};

  /** Of some values. */
  static Student of(double... values) {
    double mean = Arrays.stream(values).average().orElse(Double.NaN);
    if (values.length < 2) {
      return new Student(values.length, mean, Double.NaN);
    }
    double variance = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum() / (values.length - 1);
    return new Student(values.length, mean, T[Math.min(values.length - 2, T.length - 1)] * Math.sqrt(variance / values.length));
  }

  /**
   * What this says as a difference to a baseline, more being better. Differences without any spread say nothing: they come from models
   * that give
   * every row the same answer.
   */
  String verdict() {
    if (!(half > 0) || Math.abs(mean) <= half) {
      return "inconclusive";
    }
    return mean > 0 ? "better" : "worse";
  }
}
