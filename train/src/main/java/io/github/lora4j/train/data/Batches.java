package io.github.lora4j.train.data;

import io.github.lora4j.vector.Philox;

/**
 * The order in which examples are seen: a fresh permutation for each epoch, cut into micro-batches and optimizer steps. Everything
 * follows from seed and sizes, so a resumed run only has to know its step.
 *
 * @param examples size of the training set
 * @param batch examples of a micro-batch
 * @param accumulation micro-batches of a step
 */
public record Batches(int examples, int batch, int accumulation, long seed) {

  /** Optimizer steps of one epoch; the last one may be smaller. */
  public int stepsPerEpoch() {
    long perStep = (long) batch * accumulation;
    return (int) ((examples + perStep - 1) / perStep);
  }

  /** The permutation of an epoch: Fisher and Yates with counter-based random numbers, the same on every JVM. */
  public int[] order(int epoch) {
    int[] order = new int[examples];
    int[] random = new int[4];
    for (int i = 0; i < examples; i++) {
      order[i] = i;
    }
    for (int i = examples - 1; i > 0; i--) {
      // "SHUF" keeps these counters apart from those of dropout and initialisation.
      Philox.generate(i, epoch, 0, 0x53485546, (int) seed, (int) (seed >>> 32), random);
      int j = (int) Long.remainderUnsigned((random[0] & 0xFFFFFFFFL) << 32 | random[1] & 0xFFFFFFFFL, i + 1L);
      int swap = order[i];
      order[i] = order[j];
      order[j] = swap;
    }
    return order;
  }

  /** Micro-batches of a step within its epoch. */
  public int microBatches(int stepInEpoch) {
    int left = examples - stepInEpoch * batch * accumulation;
    return Math.min(accumulation, (left + batch - 1) / batch);
  }

  /** First position, in the epoch's order, of a micro-batch. */
  public int from(int stepInEpoch, int micro) {
    return (stepInEpoch * accumulation + micro) * batch;
  }

  /** Position behind the last example of a micro-batch. */
  public int to(int stepInEpoch, int micro) {
    return Math.min(examples, from(stepInEpoch, micro) + batch);
  }
}
