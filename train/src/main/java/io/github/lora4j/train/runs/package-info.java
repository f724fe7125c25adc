/**
 * What a run keeps on disk, so that it can be killed at any moment and resumed to the same bits: the directory and its lock, checkpoints with
 * checksums, and what must be equal for a checkpoint to be continued.
 */
package io.github.lora4j.train.runs;
