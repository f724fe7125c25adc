/**
 * Many requests through one {@link io.github.lora4j.generate.Generator}: a queue, a thread that owns the model, and adapters that come and go
 * meanwhile.
 */
package io.github.lora4j.inference.engine;
