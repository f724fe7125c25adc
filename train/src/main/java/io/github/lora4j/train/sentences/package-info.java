/** Sentence vectors: how they are pooled, and the losses of sentence-transformers over the examples of a batch. */
package io.github.lora4j.train.sentences;
