/** Models that read: vectors of texts, classes, scores. */
package io.github.lora4j.inference.reading;
