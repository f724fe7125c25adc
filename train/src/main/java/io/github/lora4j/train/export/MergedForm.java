package io.github.lora4j.train.export;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import java.util.Optional;

/** What a merged model is written as. */
public sealed interface MergedForm {

  /** The most bytes of tensors in a file, where nothing else is said: Hugging Face's own limit. */
  long SHARD_BYTES = 5_000_000_000L;

  /**
   * A directory that Hugging Face transformers loads: safetensors, {@code config.json}, tokenizer files.
   *
   * @param dtype element type of floating-point tensors: F32, F16 or BF16; empty: the one each has
   * @param shardBytes the most bytes of tensors in a file; a larger model has several and an index
   * @param untie write parameters that share a tensor as tensors of their own: an output layer tied to the embedding, replicated layers
   */
  record Safetensors(Optional<DType> dtype, long shardBytes, boolean untie) implements MergedForm {
    /** Checks the settings. */
    public Safetensors {
      if (dtype.isPresent() && (!dtype.get().isFloat() || dtype.get() == DType.F64)) {
        throw new ConfigException("safetensors are written in F32, F16 or BF16, not " + dtype.get());
      }
      if (shardBytes < 1) {
        throw new ConfigException("the size of a shard must be at least one byte, got " + shardBytes);
      }
    }
  }
}
