/**
 * Weights in few bits: the block formats of GGUF files and those of bitsandbytes, each decoded bit by bit as the library that defines it does.
 * What is here is plain code, one value after another; kernels have faster forms of it that give the same bits.
 */
@NullMarked
package io.github.lora4j.vector.blocks;

import org.jspecify.annotations.NullMarked;
