/** How tokenizer files are read, and the pipelines that they describe: added tokens, normaliser, words, pieces, template. */
package io.github.lora4j.tokenizer.internal;
