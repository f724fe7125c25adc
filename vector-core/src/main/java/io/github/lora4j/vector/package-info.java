/**
 * Numbers in native memory, and what is computed with them: {@link io.github.lora4j.vector.Memory} allocates, {@link io.github.lora4j.vector.Kernels}
 * are the arithmetic of every op, twice ({@link io.github.lora4j.vector.VectorKernels} by the Vector API,
 * {@link io.github.lora4j.vector.ReferenceKernels} in plain loops, the oracle), {@link io.github.lora4j.vector.WeightFormat} is how frozen weights
 * are stored, {@link io.github.lora4j.vector.Workers} share the work with the same bits for any number of threads. The errors of all modules live
 * here too. Needs nothing but the JDK.
 */
package io.github.lora4j.vector;
