/**
 * Matrix products by the Vector API. {@link io.github.lora4j.vector.internal.gemm.VectorGemms} chooses among them by shape; tiles are the loops in
 * registers, generated for each number of registers by a test's generator; panels and {@code Packed} weights are how the right operand lies in
 * memory.
 */
package io.github.lora4j.vector.internal.gemm;
