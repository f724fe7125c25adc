/** Paths of models that read: vectors of texts, classes, scores. */
package io.github.lora4j.serve.reading;
