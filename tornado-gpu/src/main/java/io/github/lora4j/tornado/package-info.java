/**
 * The backend of GPUs by TornadoVM. A {@link io.github.lora4j.tornado.GpuBinder} lowers each op to tasks, which are kernels and descriptors of what
 * they work on; regions with the same kernels are compiled once. See docs/decisions/0006 for what TornadoVM asks of kernels.
 */
package io.github.lora4j.tornado;
