package io.github.lora4j.train.sentences;

import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.PackedInputs;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the texts of examples lie among the sequences of a batch, and what is known of them. Text t of example i is sequence texts·i + t.
 *
 * @param texts for each text of an example the rows that have it, and their inverse
 * @param others second texts and negatives, one column of texts behind another: what multiple negatives choose from
 */
record SentenceSlots(RowAxis examples, List<Rows> texts, Rows others) {

  static final String SCORES = "scores";

  /** Rows of an axis picked from sequences. */
  record Rows(Value ids, Value inverse) {}

  static SentenceSlots declare(ProgramBuilder program, PackedInputs in, int count) {
    int capacity = Math.max(1, in.sequences().capacity() / count);
    RowAxis examples = program.axis("examples", capacity);
    List<Rows> texts = new ArrayList<>();
    for (int t = 0; t < count; t++) {
      texts.add(rows(program, in, examples, "text" + t));
    }
    return new SentenceSlots(examples, texts, rows(program, in, program.axis("others", capacity * (count - 1)), "others"));
  }

  private static Rows rows(ProgramBuilder program, PackedInputs in, RowAxis axis, String name) {
    return new Rows(program.table(name, Shape.of(axis, 1)), program.table(name + "Inverse", Shape.of(in.sequences(), 1)));
  }

  /** A number for each example. */
  Value scores(ProgramBuilder program) {
    return program.input(SCORES, Shape.of(examples, 1));
  }

  /**
   * What compares each example with each other one. In row o, column t stands for the example t places behind o, in a circle.
   *
   * @param turned for each place the example, or −1; inverse: the row that has it there
   * @param ones 1 everywhere
   * @param mask 0 where the example should be less similar than o, −log of their number in column 0, else next to −∞
   * @param itself 0 for each row: the column that holds the example itself
   * @param offset −log of the number of examples
   * @param batch the axis of one row that holds what all come to
   */
  record Order(Value turned, Value inverse, Value ones, Value mask, Value itself, Value offset, RowAxis batch, Value span, Value zero, Rows first) {}

  Order order(ProgramBuilder program) {
    int n = examples.capacity();
    RowAxis batch = program.axis("batch", 1);
    return new Order(program.table("turned", Shape.of(examples, n)), program.table("turnedInverse", Shape.of(examples, n)),
        program.input("ones", Shape.of(examples, n)), program.input("mask", Shape.of(examples, n)), program.table("itself", Shape.of(examples, 1)),
        program.input("offset", Shape.of(examples, 1)), batch, program.table("span", Shape.of(batch, 3)), program.table("zero", Shape.of(batch, 1)),
        new Rows(program.table("firstExample", Shape.of(batch, 1)), program.table("firstExampleInverse", Shape.of(examples, 1))));
  }
}
