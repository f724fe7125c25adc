package io.github.lora4j.train;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** What happens in a run, told to every {@link TrainListener} in order. */
public sealed interface TrainEvent {

  /**
   * The run is about to train.
   *
   * @param description one fact a line: backend, model, adapter, data, memory
   * @param steps optimizer steps in all
   * @param firstStep steps done already, when resumed
   */
  record Started(String description, int steps, int firstStep, int examples, long trainable) implements TrainEvent {}

  /**
   * An optimizer step is done.
   *
   * @param step steps done
   * @param loss mean over the step's targets
   * @param gradientNorm before clipping
   * @param learningRate of the first parameter group
   * @param learningRates of every group that has parameters, by its name
   * @param tokens and examples since the run (or its resumption) began
   * @param seconds since then, evaluation and saving left out
   */
  record Step(int step, int steps, double epoch, double loss, double gradientNorm, double learningRate, Map<String, Double> learningRates,
      long tokens, long examples, double seconds) implements TrainEvent {}

  /**
   * A method that spreads a budget of ranks has done so anew, or a step was reported.
   *
   * @param budget ranks that may be left in all
   * @param ranks of each module, in the model's order
   * @param penalty the term beside the task's loss, such as orthogonality
   */
  record Ranks(int step, int budget, Map<String, Integer> ranks, double penalty) implements TrainEvent {}

  /** The evaluation data was predicted. */
  record Evaluated(int step, double epoch, Map<String, Double> metrics, double seconds) implements TrainEvent {}

  /**
   * The model answered the questions that are kept for it.
   *
   * @param step steps done: 0 before training
   */
  record Sampled(int step, List<Sample> samples) implements TrainEvent {
    /** Copies the list. */
    public Sampled {
      samples = List.copyOf(samples);
    }
  }

  /**
   * An answer.
   *
   * @param reference what it should be; empty where that is not known
   * @param ended why it ended: "eos", "length" or "context"
   */
  record Sample(String prompt, String answer, String reference, String ended) {}

  /** A checkpoint, or the finished adapter, was written. */
  record Saved(int step, Path directory) implements TrainEvent {}

  /** Something the user should know. */
  record Note(String text) implements TrainEvent {}

  /** The run is over. */
  record Finished(int steps, double seconds, Path adapter, Map<String, Double> metrics) implements TrainEvent {}
}
