package io.github.lora4j.vector.internal.gemm;

import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Workers;

/**
 * A product that starts soon. Until the second compiler has been there, the Vector API's own Java code stands in for instructions and takes a
 * microsecond for each: a first token would wait for seconds. Small products are computed by {@link PlainGemm} meanwhile, which has the same bits.
 */
final class EarlyGemm implements Gemm {

  /** Multiply-adds of a product that is worth waiting for its kernels. Larger ones get theirs compiled by themselves. */
  private static final long LARGE = 1L << 27;

  private final Spec spec;
  private final Gemm compiled;
  private final PlainGemm plain;
  private final WarmUp[] kernels = new WarmUp[WarmUp.Rows.values().length];

  EarlyGemm(Spec spec, Gemm compiled, PlainGemm plain) {
    this.spec = spec;
    this.compiled = compiled;
    this.plain = plain;
    for (WarmUp.Rows rows : WarmUp.Rows.values()) {
      kernels[rows.ordinal()] = WarmUp.of(spec, rows);
    }
  }

  @Override
  public void run(Workers workers, int rows) {
    boolean early = rows > 0 && (long) rows * spec.n() * spec.k() < LARGE && !kernels[WarmUp.Rows.of(rows).ordinal()].warm();
    (early ? plain : compiled).run(workers, rows);
  }
}
