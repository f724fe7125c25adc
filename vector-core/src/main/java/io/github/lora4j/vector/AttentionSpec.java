package io.github.lora4j.vector;

import java.lang.foreign.MemorySegment;

/**
 * Shape of one attention layer. Queries are rows of [rows, heads·headDim], keys and values rows of [rows, kvHeads·headDim];
 * head h reads key head h·kvHeads/heads. A score is cap(scale·(q·k + q·a + k·b)) + c, of which the softmax is taken over the keys that are seen;
 * a, b and c go by the distance of key and query, where a {@link Bias} has them.
 *
 * @param scale factor on q·k before the softmax, usually 1/√headDim
 * @param causal a query at position p sees keys at positions ≤ p; positions count from the start of the keys, and a query's
 *     position is its index in the segment plus the segment's position offset
 * @param window a query at position p sees keys at positions above p − window, itself and window − 1 before it (and where attention is not
 *     causal as many behind it: below p + window); 0: all
 * @param softCap scores s become softCap·tanh(s/softCap) (Gemma 2); 0: they stay
 */
public record AttentionSpec(int heads, int kvHeads, int headDim, float scale, boolean causal, int window, float softCap) {

  /** Checks the numbers. */
  public AttentionSpec {
    if (heads < 1 || kvHeads < 1 || headDim < 1 || heads % kvHeads != 0) {
      throw new ConfigException("attention: heads %d must be a positive multiple of key/value heads %d, and the head size %d positive"
          .formatted(heads, kvHeads, headDim));
    }
    if (window < 0 || !(softCap >= 0) || Float.isInfinite(softCap)) {
      throw new ConfigException("attention: a window of %d keys and a soft cap of %s: neither may be negative, the cap must be finite"
          .formatted(window, softCap));
    }
  }

  /** Attention over all keys, or all before, with scores as they are. */
  public AttentionSpec(int heads, int kvHeads, int headDim, float scale, boolean causal) {
    this(heads, kvHeads, headDim, scale, causal, 0, 0);
  }

  /** Whether there are keys behind a query that it does not see. */
  public boolean ends() {
    return causal || window > 0;
  }

  /** The first of a segment's keys that a query at this position sees. */
  public int first(int position, int keys) {
    return window == 0 ? 0 : Math.clamp((long) position - window + 1, 0, keys);
  }

  /** The key after the last that a query at this position sees. */
  public int end(int position, int keys) {
    return causal ? Math.clamp((long) position + 1, 0, keys) : window == 0 ? keys : Math.clamp((long) position + window, 0, keys);
  }

  /**
   * What scores have by distance (T5; "disentangled attention", He et al. 2021): tables of 2·center + 1 rows, whose row center + (key's position −
   * query's position) counts. NULL: there is none.
   *
   * @param table a number for each head [rows, heads], added to scores
   * @param keys a vector for each head [rows, heads·headDim], which queries are multiplied by as by a key; only with as many key heads
   * @param queries the same, which keys are multiplied by
   * @param center the greatest distance
   */
  public record Bias(MemorySegment table, MemorySegment keys, MemorySegment queries, int center) {

    /** Scores without bias. */
    public static final Bias NONE = new Bias(MemorySegment.NULL, 0);

    /** Numbers alone. */
    public Bias(MemorySegment table, int center) {
      this(table, MemorySegment.NULL, MemorySegment.NULL, center);
    }

    /** Whether there are numbers. */
    public boolean present() {
      return table.address() != 0;
    }

    /** Whether there are vectors. */
    public boolean vectors() {
      return keys.address() != 0 || queries.address() != 0;
    }

    /**
     * Refuses a segment with distances that the tables of vectors do not have.
     *
     * @param first position of the first query
     */
    public void check(int first, int queries, int keys) {
      if (vectors() && queries > 0 && keys > 0 && (first + queries - 1 > center || keys - 1 - first > center)) {
        throw new ConfigException("attention: %d queries from position %d on and %d keys are farther apart than %d, for which there are vectors"
            .formatted(queries, first, keys, center));
      }
    }

    /** Place of a distance's numbers; −1 where the table has none. */
    public int row(int distance) {
      return Math.abs(distance) > center ? -1 : center + distance;
    }
  }
}
