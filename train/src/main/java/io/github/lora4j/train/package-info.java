/**
 * Fine-tuning as a whole: {@link io.github.lora4j.train.TrainingRun} trains what a recipe says and tells listeners of it; {@link
 * io.github.lora4j.train.TrainedModel} predicts with the result.
 */
package io.github.lora4j.train;
