package io.github.lora4j.train.recorded;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Loss;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Labels of tokens, whatever model predicts them. An example has one for each of its tokens; what the labels do not count is not computed:
 * logits over a vocabulary are wanted for the rows that predict a counted label alone.
 */
public final class TokenLabels {

  private TokenLabels() {}

  /** Where logits are wanted: rows of the tokens axis, their inverse, and the labels. */
  private record Slots(RowAxis axis, Value rows, Value inverse, Value labels) {
    static Slots declare(ProgramBuilder program, PackedInputs in) {
      RowAxis axis = program.axis("targets", in.tokens().capacity());
      return new Slots(axis, program.table("targetRows", Shape.of(axis, 1)), program.table("targetInverse", Shape.of(in.tokens(), 1)),
          program.table("labels", Shape.of(axis, 1)));
    }
  }

  /** The rows of [tokens, hidden] that predict a counted label. */
  public static Value rows(Graph graph, PackedInputs in, Value all) {
    Slots slots = Slots.declare(graph.program(), in);
    return graph.gather(all, slots.rows, slots.inverse);
  }

  /** The label of each of {@link #rows}. */
  public static Value labels(Graph graph, PackedInputs in) {
    return Slots.declare(graph.program(), in).labels;
  }

  /** Cross-entropy of logits of {@link #rows}. */
  public static Value loss(Graph graph, PackedInputs in, Value logits) {
    return graph.region("loss", () -> graph.loss(Loss.CROSS_ENTROPY, logits, Slots.declare(graph.program(), in).labels));
  }

  /** Adds the counted labels to {@code total}. */
  public static void count(Graph graph, PackedInputs in, Value total) {
    graph.countTargets(Loss.CROSS_ENTROPY, Slots.declare(graph.program(), in).labels, total);
  }

  /**
   * The host side.
   *
   * @param shift how many tokens before its label the token is that predicts it: 1 for the next token, 0 for a masked one
   */
  public static Targets targets(PackedInputs in, Program program, int shift) {
    return new Host(in, program, shift, false);
  }

  /**
   * The same where labels are words of a vocabulary: what is judged is (log-probability, likeliest word), and metrics look at whether the latter is
   * right.
   */
  public static Targets words(PackedInputs in, Program program, int shift) {
    return new Host(in, program, shift, true);
  }

  private static final class Host implements Targets {
    private final int shift;
    private final boolean words;
    private final RowAxis axis;
    private final Value rowsSlot;
    private final Value inverseSlot;
    private final Value labelsSlot;
    private final int[] rows;
    private final int[] inverse;
    private final int[] labels;
    private int virtual;
    private int tokens;
    private int targets;

    Host(PackedInputs in, Program program, int shift, boolean words) {
      this.shift = shift;
      this.words = words;
      axis = program.axis("targets").orElseThrow();
      rowsSlot = program.slot("targetRows").orElseThrow();
      inverseSlot = program.slot("targetInverse").orElseThrow();
      labelsSlot = program.slot("labels").orElseThrow();
      rows = new int[in.tokens().capacity()];
      inverse = new int[in.tokens().capacity()];
      labels = new int[in.tokens().capacity()];
    }

    @Override
    public void virtualRows(int count) {
      virtual = count;
    }

    @Override
    public List<float[]> kept(float[] judged, int columns) {
      if (!words) {
        return Targets.super.kept(judged, columns);
      }
      List<float[]> right = new ArrayList<>();
      for (int row = 0; row < targets; row++) {
        right.add(new float[] {judged[row * columns + 1] == labels[row] ? 1 : 0});
      }
      return right;
    }

    @Override
    public void clear() {
      tokens = 0;
      targets = 0;
    }

    @Override
    public void add(Target target) {
      if (!(target instanceof Target.TokenLabels label)) {
        throw Targets.other(target, Target.TokenLabels.class);
      }
      int length = label.ids().length;
      if (tokens + virtual + length > rows.length) {
        throw new ConfigException("labels of %d tokens do not fit behind %d of at most %d".formatted(length, tokens + virtual, rows.length));
      }
      Arrays.fill(inverse, tokens, tokens + virtual + length, -1);
      tokens += virtual;
      for (int t = shift; t < length; t++) {
        if (label.counted()[t]) {
          int row = tokens + t - shift;
          rows[targets] = row;
          inverse[row] = targets;
          labels[targets++] = label.ids()[t];
        }
      }
      tokens += length;
    }

    @Override
    public void write(Executable to) {
      to.rows(axis, targets);
      to.write(rowsSlot, rows, targets);
      to.write(inverseSlot, inverse, tokens);
      to.write(labelsSlot, labels, targets);
    }
  }
}
