/** Models on their way into GGUF files: names and order of tensors, keys. Reading is {@link io.github.lora4j.models.ModelDirectory}'s. */
package io.github.lora4j.models.gguf;
