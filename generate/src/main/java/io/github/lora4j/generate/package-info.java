/**
 * Text from decoders: {@link io.github.lora4j.generate.Generator} runs a model on many sequences at a time, each with its own adapter, and keeps
 * the keys and values of what it has seen; settings go by the names of Hugging Face's {@code generation_config.json}.
 */
package io.github.lora4j.generate;
