/** Tokens back to text: decoders as steps that each take tokens from the one before and give them on as soon as they are certain. */
package io.github.lora4j.tokenizer.internal.decode;
