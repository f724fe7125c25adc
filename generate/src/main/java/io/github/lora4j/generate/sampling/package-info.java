/** From the scores of a model to its next token: processors in transformers' order, then the best token or a draw. */
package io.github.lora4j.generate.sampling;
