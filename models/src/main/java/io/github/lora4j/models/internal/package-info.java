/** GGUF files as models: {@code config.json} from their keys, and their tensors under Hugging Face's names and in Hugging Face's order. */
package io.github.lora4j.models.internal;
