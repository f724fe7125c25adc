package io.github.lora4j.vector;

/**
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a counter-based generator. The same
 * counter and key give the same 128 bits on every machine, so a mask is recomputed instead of stored.
 */
public final class Philox {
  private static final int M0 = 0xD2511F53;
  private static final int M1 = 0xCD9E8D57;
  private static final int W0 = 0x9E3779B9;
  private static final int W1 = 0xBB67AE85;

  private Philox() {}

  /** Writes the four 32-bit outputs for this counter and key to {@code out}. */
  public static void generate(int c0, int c1, int c2, int c3, int k0, int k1, int[] out) {
    for (int round = 0; round < 10; round++) {
      long p0 = (M0 & 0xFFFFFFFFL) * (c0 & 0xFFFFFFFFL);
      long p1 = (M1 & 0xFFFFFFFFL) * (c2 & 0xFFFFFFFFL);
      int n0 = (int) (p1 >>> 32) ^ c1 ^ k0;
      int n2 = (int) (p0 >>> 32) ^ c3 ^ k1;
      c1 = (int) p1;
      c3 = (int) p0;
      c0 = n0;
      c2 = n2;
      k0 += W0;
      k1 += W1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
  }

  /**
   * The integer threshold below which (unsigned) an output means "dropped": p·2³².
   *
   * @throws ConfigException unless 0 ≤ p &lt; 1
   */
  public static int threshold(double p) {
    if (!(p >= 0 && p < 1)) {
      throw new ConfigException("dropout probability must be in [0, 1), got " + p);
    }
    return (int) (long) (p * 0x1p32);
  }
}
