package io.github.lora4j.cli.demo;

import java.util.List;

/** Turns texts into vectors whose dot product is their likeness. */
@FunctionalInterface
interface Encoder {

  /**
   * One vector per text, in order.
   *
   * @return rows [texts.size()][width], each of Euclidean length 1
   */
  float[][] embed(List<String> texts);
}
