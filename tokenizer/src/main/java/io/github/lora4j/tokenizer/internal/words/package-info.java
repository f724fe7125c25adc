/** Cuts normalised texts into words, which models encode one by one. */
package io.github.lora4j.tokenizer.internal.words;
