package io.github.lora4j.train.sums;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Joins the gradients of workers that train one model together, each on some micro-batches of every step; called between accumulating
 * and the update. Every worker then makes the same update, so that their parameters stay equal without being sent.
 *
 * <p>A step's sum is a fixed binary tree over its micro-batches (see {@link GradientTree}), so the result has the same bits for any
 * number of workers, one included, as long as each takes micro-batches that follow one another.
 */
public interface GradientExchange {

  /** One worker that takes all. */
  GradientExchange NONE = new GradientExchange() {
    @Override
    public int from(int step, int microBatches) {
      return 0;
    }

    @Override
    public int to(int step, int microBatches) {
      return microBatches;
    }

    @Override
    public void exchange(int step, List<Part> mine, Part total) {
      throw new IllegalStateException("one worker has nobody to exchange gradients with");
    }
  };

  /**
   * The sum over the micro-batches [index·2^level, (index + 1)·2^level) of a step.
   *
   * @param gradients of all trainables, as the executable lays them out, in its float type
   * @param sums loss and counted targets, in the same type
   */
  record Part(int level, int index, MemorySegment gradients, MemorySegment sums) {}

  /**
   * The first micro-batch of a step that is this worker's.
   *
   * @param step optimizer steps done before
   * @param microBatches of the step
   */
  int from(int step, int microBatches);

  /** The one behind this worker's last; equal to {@link #from} where it has none. */
  int to(int step, int microBatches);

  /**
   * Gives this worker's sums to the others and takes theirs; returns when the total is there.
   *
   * @param mine this worker's parts, ascending; valid until this returns
   * @param total to be filled with {@link GradientTree#total} of the parts of all workers; none of its memory is that of {@code mine}
   */
  void exchange(int step, List<Part> mine, Part total);
}
