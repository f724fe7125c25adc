package io.github.lora4j.vector;

/**
 * Shape of one attention layer. Queries are rows of [rows, heads·headDim], keys and values rows of [rows, kvHeads·headDim];
 * head h reads key head h·kvHeads/heads.
 *
 * @param scale factor on q·k before the softmax, usually 1/√headDim
 * @param causal a query at position p sees keys at positions ≤ p; positions count from the start of the keys, and a query's
 *     position is its index in the segment plus the segment's position offset
 */
public record AttentionSpec(int heads, int kvHeads, int headDim, float scale, boolean causal) {

  /** Checks the numbers. */
  public AttentionSpec {
    if (heads < 1 || kvHeads < 1 || headDim < 1 || heads % kvHeads != 0) {
      throw new ConfigException("attention: heads %d must be a positive multiple of key/value heads %d, and the head size %d positive"
          .formatted(heads, kvHeads, headDim));
    }
  }
}
