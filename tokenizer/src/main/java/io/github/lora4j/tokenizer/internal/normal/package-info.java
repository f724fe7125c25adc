/** What is done to texts before they are cut. */
package io.github.lora4j.tokenizer.internal.normal;
