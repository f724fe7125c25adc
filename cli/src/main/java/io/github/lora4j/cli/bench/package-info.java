/**
 * {@code lora4j bench}: measures training steps and kernels on the processor and on devices in turn, reports the results as HTML, Markdown
 * and JSON, and compares two reports.
 */
package io.github.lora4j.cli.bench;
