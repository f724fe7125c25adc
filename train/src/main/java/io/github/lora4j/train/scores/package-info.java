/**
 * How near answers are to what they should be: {@link io.github.lora4j.train.scores.TextScore} and those there are, each by a published definition.
 */
package io.github.lora4j.train.scores;
