/**
 * Measurements for developers: JMH benchmarks of kernels, programs that time products and steps op by op, and the comparison of adapter
 * methods on GLUE tasks that {@code docs/methods.md} shows. Nothing here is needed to use lora4j.
 */
package io.github.lora4j.bench;
