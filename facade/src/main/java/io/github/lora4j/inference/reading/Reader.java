package io.github.lora4j.inference.reading;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Models, by their names, that say something of texts. For any thread; texts of one call are read together, calls one after another. */
public interface Reader extends AutoCloseable {

  /** Names that clients know them by. */
  List<String> names();

  /** The task that a model was trained for. */
  String task(String model);

  /**
   * Reads texts.
   *
   * @throws io.github.lora4j.vector.Lora4jException when they cannot be read
   */
  Reading read(String model, List<Text> texts);

  /**
   * A text, or two that belong together.
   *
   * @param ids tokens in place of the text, special ones included; empty: the text's
   */
  record Text(String first, Optional<String> second, int[] ids) {

    /** A text. */
    public static Text of(String text) {
      return new Text(text, Optional.empty(), new int[0]);
    }

    /** Two texts. */
    public static Text of(String first, String second) {
      return new Text(first, Optional.of(second), new int[0]);
    }
  }

  /**
   * What was said.
   *
   * @param outputs for each text components of its vector, or values
   * @param fields for each text what a prediction has to say, by name; empty for vectors
   * @param tokens of all texts; −1 where that is not known
   */
  record Reading(float[][] outputs, List<Map<String, Object>> fields, int tokens) {
    /** Copies the list. */
    public Reading {
      fields = List.copyOf(fields);
    }
  }

  @Override
  void close();
}
