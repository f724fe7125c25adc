package io.github.lora4j.lora.parameters;

/**
 * Trainables that share a learning rate and a weight decay. LoRA+ is nothing but other groups.
 *
 * @param name for messages and reports
 * @param learningRateScale factor on the run's learning rate
 * @param learningRate a rate of the group's own, whatever the run's; 0: the run's times the scale. The schedule applies to both
 * @param decays whether the run's weight decay applies; by the Trainer's convention not to biases and norms, by PyTorch's to all
 */
public record ParameterGroup(String name, double learningRateScale, double learningRate, boolean decays) {

  /** A group whose rate is the run's times a scale. */
  public ParameterGroup(String name, double learningRateScale, boolean decays) {
    this(name, learningRateScale, 0, decays);
  }

  /** The rate before the schedule's factor. */
  public double rate(double runRate) {
    return learningRate > 0 ? learningRate : runRate * learningRateScale;
  }
}
