/** Text to token ids and back, as Hugging Face's tokenizers do it. Knows no model. */
package io.github.lora4j.tokenizer;
