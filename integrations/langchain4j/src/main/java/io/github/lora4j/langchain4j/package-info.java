/**
 * Models and their adapters behind langchain4j's interfaces. What is built here shares a {@link io.github.lora4j.LocalModel}, which its owner closes.
 */
package io.github.lora4j.langchain4j;
