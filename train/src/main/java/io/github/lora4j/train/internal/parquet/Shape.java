package io.github.lora4j.train.internal.parquet;

import java.util.List;

/**
 * What a row consists of. Levels are Parquet's (Dremel's): a value of a column comes with the number of optional and repeated fields on its path that
 * are there (definition), and with the innermost repeated field of which it begins another element (repetition).
 */
sealed interface Shape {

  /** The column that is looked at to know whether this is there. */
  Leaf first();

  /**
   * A column.
   *
   * @param definition of a value that is there
   * @param repetition the most
   */
  record Leaf(String path, int index, int definition, int repetition, Kind kind) implements Shape {
    @Override
    public Leaf first() {
      return this;
    }
  }

  /**
   * Fields with names.
   *
   * @param definition of one that is there; 0 where it cannot be missing
   */
  record Struct(int definition, List<String> names, List<Shape> fields) implements Shape {
    @Override
    public Leaf first() {
      return fields.getFirst().first();
    }
  }

  /**
   * A list.
   *
   * @param definition of a list that is there, which may be empty; of its elements it is one more
   * @param repetition of every element but the first
   */
  record Elements(int definition, int repetition, Shape element) implements Shape {
    @Override
    public Leaf first() {
      return element.first();
    }
  }

  /** Pairs of keys and values, with levels as those of a list. */
  record Pairs(int definition, int repetition, Shape key, Shape value) implements Shape {
    @Override
    public Leaf first() {
      return key.first();
    }
  }
}
