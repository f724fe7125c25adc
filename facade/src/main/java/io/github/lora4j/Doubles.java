package io.github.lora4j;

import java.util.AbstractList;
import java.util.RandomAccess;

/** A list of numbers that are kept as floats. */
final class Doubles extends AbstractList<Double> implements RandomAccess {

  private final float[] values;

  /** Of values that nobody changes. */
  Doubles(float[] values) {
    this.values = values;
  }

  @Override
  public Double get(int index) {
    return (double) values[index];
  }

  @Override
  public int size() {
    return values.length;
  }
}
