/** The program of generation, its weights, and the batches that go through it. */
package io.github.lora4j.generate.internal;
