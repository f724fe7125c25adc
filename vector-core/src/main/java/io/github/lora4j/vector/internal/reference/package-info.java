/**
 * The scalar form of the kernels: every definition as a loop over single elements, summed in double and rounded once. It is what the other form and
 * every device are compared with, so it is written to be read, not to be fast.
 */
package io.github.lora4j.vector.internal.reference;
