package io.github.lora4j.generate;

import io.github.lora4j.lora.Adapter;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.WeightStorage;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.WeightFormat;

/**
 * What a generator has room for.
 *
 * @param sequences sequences at a time
 * @param batchTokens tokens that go through the model at a time; longer prompts go in pieces
 * @param cacheRows tokens of all sequences, for which keys and values are kept
 * @param maxLength tokens of one sequence
 * @param weights how frozen weights are kept
 */
public record GeneratorOptions(int sequences, int batchTokens, int cacheRows, int maxLength, WeightStorage weights) {

  private static final int PIECE = 512;
  private static final int CONTEXT = 4096;

  /** Checks the numbers. */
  public GeneratorOptions {
    if (sequences < 1 || maxLength < 2 || batchTokens < sequences || cacheRows < maxLength) {
      throw new ConfigException(("room for %d sequences, %d tokens at a time, %d tokens kept, %d tokens in a sequence: at least 1 sequence "
          + "of 2 tokens is needed, as many tokens at a time as sequences, and room to keep the longest sequence").formatted(sequences,
              batchTokens, cacheRows, maxLength));
    }
  }

  /** Of weights in a format. */
  public GeneratorOptions(int sequences, int batchTokens, int cacheRows, int maxLength, WeightFormat weights) {
    this(sequences, batchTokens, cacheRows, maxLength, WeightStorage.of(weights));
  }

  /** One sequence as long as the model has positions for, up to 4,096 tokens; F32. */
  public static GeneratorOptions of(Architecture model) {
    int length = Math.min(CONTEXT, model.maxPositions());
    return new GeneratorOptions(1, Math.min(PIECE, length), length, length, WeightFormat.F32);
  }

  /**
   * The same for so many sequences of this length at most.
   *
   * @throws ConfigException when that is more tokens than can be counted
   */
  public GeneratorOptions room(int sequences, int maxLength) {
    if ((long) sequences * maxLength > Integer.MAX_VALUE) {
      throw new ConfigException("room for %,d sequences of %,d tokens is room for %,d tokens, more than the %,d there can be; lower one of them"
          .formatted(sequences, maxLength, (long) sequences * maxLength, Integer.MAX_VALUE));
    }
    return new GeneratorOptions(sequences, Math.max(sequences, Math.min(PIECE, sequences * maxLength)), sequences * maxLength, maxLength, weights);
  }

  /** The same, with sequences that leave positions for an adapter's virtual tokens. */
  public GeneratorOptions beside(Adapter adapter, Architecture model) {
    int length = Math.min(maxLength, model.maxPositions() - adapter.virtualTokens().total());
    return length == maxLength ? this : new GeneratorOptions(sequences, batchTokens, cacheRows, length, weights);
  }

  /** The same with weights kept in another format. */
  public GeneratorOptions weights(WeightFormat format) {
    return new GeneratorOptions(sequences, batchTokens, cacheRows, maxLength, format);
  }

  /** The same with weights kept in another way. */
  public GeneratorOptions weights(WeightStorage storage) {
    return new GeneratorOptions(sequences, batchTokens, cacheRows, maxLength, storage);
  }
}
