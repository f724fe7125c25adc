/**
 * Reads Parquet files (format 2.12) as rows of maps, lists, texts and numbers, with bounds on whatever a file says of its sizes. Decision 0014
 * says why it is not a library's.
 */
package io.github.lora4j.train.internal.parquet;
