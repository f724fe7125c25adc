/**
 * The backend of the processor, with either kernels of vector-core: a program's memory, and each op bound to it once by its
 * {@link io.github.lora4j.graph.cpu.CpuBinder}, so that a run allocates nothing.
 */
package io.github.lora4j.graph.cpu;
