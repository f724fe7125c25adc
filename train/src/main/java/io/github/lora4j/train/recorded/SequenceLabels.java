package io.github.lora4j.train.recorded;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Loss;

/** Labels of whole sequences, whatever model predicts them: one class, several, or numbers. */
public final class SequenceLabels {

  private SequenceLabels() {}

  /** The label slot: class ids [sequences, 1], or floats [sequences, labels]. */
  public static Value slot(ProgramBuilder program, PackedInputs in, int labels, Loss loss) {
    return loss == Loss.CROSS_ENTROPY ? program.table("labels", Shape.of(in.sequences(), 1))
        : program.input("labels", Shape.of(in.sequences(), labels));
  }

  /** Row losses of predictions [sequences, labels]. */
  public static Value loss(Graph graph, PackedInputs in, Value predictions, Loss loss) {
    return graph.region("loss", () -> graph.loss(loss, predictions, slot(graph.program(), in, predictions.shape().cols(), loss)));
  }

  /** Adds the counted labels to {@code total}. */
  public static void count(Graph graph, PackedInputs in, int labels, Loss loss, Value total) {
    graph.countTargets(loss, slot(graph.program(), in, labels, loss), total);
  }

  /** The host side. */
  public static Targets targets(PackedInputs in, Program program) {
    Value slot = program.slot("labels").orElseThrow();
    int cols = slot.shape().cols();
    int[] classes = new int[in.sequences().capacity()];
    float[] values = new float[in.sequences().capacity() * cols];
    return new Targets() {
      private int rows;

      @Override
      public void clear() {
        rows = 0;
      }

      @Override
      public void add(Target target) {
        switch (target) {
          case Target.OneClass one when slot.integer() -> classes[rows] = one.id();
          case Target.Classes several when !slot.integer() -> {
            fits(several.apply().length, cols);
            for (int i = 0; i < cols; i++) {
              values[rows * cols + i] = several.apply()[i] ? 1 : 0;
            }
          }
          case Target.Numbers numbers when !slot.integer() -> {
            fits(numbers.values().length, cols);
            System.arraycopy(numbers.values(), 0, values, rows * cols, cols);
          }
          case Target other -> throw Targets.other(other, slot.integer() ? Target.OneClass.class : Target.Numbers.class);
        }
        rows++;
      }

      @Override
      public void write(Executable to) {
        if (slot.integer()) {
          to.write(slot, classes, rows);
        } else {
          to.write(slot, values, rows * cols);
        }
      }
    };
  }

  private static void fits(int got, int expected) {
    if (got != expected) {
      throw new ConfigException("an example has %d labels, expected %d".formatted(got, expected));
    }
  }
}
