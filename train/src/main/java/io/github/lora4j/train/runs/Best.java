package io.github.lora4j.train.runs;

import java.util.Set;

/**
 * The best evaluation so far.
 *
 * @param metric what is compared
 * @param step optimizer steps done then
 * @param value of the metric
 * @param since evaluations after it, none of which was better
 */
public record Best(String metric, int step, double value, int since) {

  /** What is better the lower it is. */
  private static final Set<String> LOWER = Set.of("loss", "perplexity", "mse", "mae", "rmse");

  /** What is left of this after one more evaluation; that one, if its value is better by more than the threshold. */
  public Best and(int at, double other, double threshold) {
    double gain = LOWER.contains(metric) ? value - other : other - value;
    return gain > threshold || Double.isNaN(value) ? new Best(metric, at, other, 0) : new Best(metric, step, value, since + 1);
  }
}
