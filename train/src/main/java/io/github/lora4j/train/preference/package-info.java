/**
 * Programs that learn which of two answers is better, or whether one is good: {@link io.github.lora4j.train.preference.PairLoss} has the
 * objectives, each a few recorded primitives.
 */
package io.github.lora4j.train.preference;
