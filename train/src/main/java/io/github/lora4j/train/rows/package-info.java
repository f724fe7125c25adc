/**
 * What rows of data mean: text, prompt and answer, instructions, conversations, preferences. The formats people bring are found by their
 * columns and read into {@link io.github.lora4j.train.rows.Content}, whatever file they came in.
 */
package io.github.lora4j.train.rows;
