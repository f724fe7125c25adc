package io.github.lora4j.train.export;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.WeightFormat;
import java.nio.file.Path;
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

  /**
   * The user's own ONNX file with merged initialisers; graph, inputs and outputs stay as they are, so that whatever loaded the old file loads the
   * new one. Beside it lie the tokenizer's files.
   *
   * @param file the file; empty: the one in the base model's directory, or {@code onnx/model.onnx} in it
   */
  record Onnx(Optional<Path> file) implements MergedForm {}

  /**
   * One GGUF file with everything, for llama.cpp, Ollama and LM Studio: weights, settings, vocabulary, chat template.
   *
   * @param format of matrices: F32, F16, BF16 or a format of blocks, "q8_0"; rows that are no whole number of its blocks are written in F16; empty: as
   *     the base has them, in F16 where it has F64. Vectors are always F32
   * @param touched of matrices that the adapter changes, where they would be quantised; empty: like all others
   * @param untie see {@link Safetensors}
   */
  record Gguf(Optional<WeightFormat> format, Optional<WeightFormat> touched, boolean untie) implements MergedForm {}
}
