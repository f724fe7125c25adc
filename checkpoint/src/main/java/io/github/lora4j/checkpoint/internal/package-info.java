/**
 * One reader for each file format, all of them tables from a tensor's name to where its elements lie ({@code TensorTable}), and the stream of
 * elements from there into the caller's memory ({@code TensorReader}).
 */
package io.github.lora4j.checkpoint.internal;
