package io.github.lora4j.lora;

/**
 * Trainables that share a learning rate and a weight decay. A trainer multiplies its scheduled learning rate by the scale, so
 * LoRA+ is nothing but other groups.
 *
 * @param name for messages and reports
 * @param learningRateScale factor on the run's learning rate
 * @param decays whether the run's weight decay applies; by the Trainer's convention not to biases and norms, by PyTorch's to all
 */
public record ParameterGroup(String name, double learningRateScale, boolean decays) {}
