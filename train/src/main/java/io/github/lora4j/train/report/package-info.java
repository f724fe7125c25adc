/**
 * A run as one HTML page: losses, metrics and settings, read from what {@link io.github.lora4j.train.JsonlListener} wrote.
 */
package io.github.lora4j.train.report;
