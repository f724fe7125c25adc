package io.github.lora4j.train.preference;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.Targets;

/** Host side of pairs of scores: sequences 2i and 2i + 1 belong together. */
final class ScoreTargets implements Targets {

  private final RowAxis axis;
  private final Value counted;
  private final Value[] halfSlots = new Value[2];
  private final Value[] inverseSlots = new Value[2];
  private final int[][] half;
  private final int[][] inverse;
  private int examples;

  ScoreTargets(PackedInputs in, Program program) {
    axis = program.axis("examples").orElseThrow();
    counted = program.slot("counted").orElseThrow();
    int sequences = in.sequences().capacity();
    half = new int[2][sequences];
    inverse = new int[2][sequences];
    for (int which = 0; which < 2; which++) {
      halfSlots[which] = program.slot("half" + which).orElseThrow();
      inverseSlots[which] = program.slot("halfInverse" + which).orElseThrow();
      for (int i = 0; i < sequences; i++) {
        half[which][i] = 2 * i + which;
        inverse[which][i] = i % 2 == which ? i / 2 : -1;
      }
    }
  }

  @Override
  public void clear() {
    examples = 0;
  }

  @Override
  public void add(Target target) {
    if (!(target instanceof Target.Answers) && !(target instanceof Target.Pair)) {
      throw Targets.other(target, Target.Answers.class);
    }
    examples++;
  }

  @Override
  public void write(Executable to) {
    to.rows(axis, examples);
    to.write(counted, half[0], examples);
    for (int which = 0; which < 2; which++) {
      to.write(halfSlots[which], half[which], examples);
      to.write(inverseSlots[which], inverse[which], 2 * examples);
    }
  }
}
