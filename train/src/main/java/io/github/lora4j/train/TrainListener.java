package io.github.lora4j.train;

/** Hears of a run: a console, a log, a report. Called on the training thread, between steps. */
@FunctionalInterface
public interface TrainListener {

  /** Something happened. An exception stops the run. */
  void on(TrainEvent event);
}
