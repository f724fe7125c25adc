/**
 * The exact sum of gradients over micro-batches and workers: one binary tree of additions, whoever computes its parts, and {@link
 * io.github.lora4j.train.sums.GradientExchange} to join workers.
 */
package io.github.lora4j.train.sums;
