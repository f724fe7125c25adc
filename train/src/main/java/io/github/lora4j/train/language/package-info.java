/**
 * Tasks for decoders: continued pre-training, conversations and prompts with their answers, preferences and rewards. Each is a
 * {@link io.github.lora4j.train.tasks.TrainingTask} like any other; what they share is how rows become tokens of which some are learnt.
 */
package io.github.lora4j.train.language;
