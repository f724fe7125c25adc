/**
 * GGUF, the file of llama.cpp and ggml: {@link io.github.lora4j.checkpoint.gguf.GgufFile} reads keys and tensors,
 * {@link io.github.lora4j.checkpoint.gguf.GgufWriter} writes them. The layout is ggml's {@code docs/gguf.md}.
 */
package io.github.lora4j.checkpoint.gguf;
