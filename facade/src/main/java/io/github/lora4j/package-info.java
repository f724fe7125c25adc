/**
 * Where to begin from Java and from other languages of the JVM: {@link io.github.lora4j.Lora4j#model} opens a model, which is trained, given adapters
 * and asked. Settings are maps with the names of recipes and of transformers, as YAML and JSON have them; numbers are doubles, several are lists, and
 * what hears of progress is one function.
 */
package io.github.lora4j;
