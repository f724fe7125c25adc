package io.github.lora4j.train.runs;

/** Whether a run goes on from the newest checkpoint of its output directory. */
public enum Resume {
  /** It starts; a directory that holds a run is refused. */
  NO,
  /** It goes on, with the bits it would have had without the interruption; whatever would change them is refused. */
  EXACTLY,
  /** It goes on, also where other kernels compute it: another processor or backend adds up in another order. */
  ON_OTHER_KERNELS
}
