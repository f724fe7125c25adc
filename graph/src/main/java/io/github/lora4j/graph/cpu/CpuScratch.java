package io.github.lora4j.graph.cpu;

/**
 * What an op needs while it runs; all ops share the same memory.
 *
 * @param shared bytes that all workers see
 * @param each bytes that each worker has to itself
 */
public record CpuScratch(long shared, long each) {

  /** No scratch. */
  public static final CpuScratch NONE = new CpuScratch(0, 0);

  /** As much as either needs. */
  CpuScratch max(CpuScratch other) {
    return new CpuScratch(Math.max(shared, other.shared), Math.max(each, other.each));
  }
}
