/** Words to tokens of a vocabulary. */
package io.github.lora4j.tokenizer.internal.model;
