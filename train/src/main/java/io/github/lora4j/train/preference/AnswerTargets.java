package io.github.lora4j.train.preference;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.Targets;
import io.github.lora4j.train.recorded.TokenLabels;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Host side of {@link AnswerSlots}: two sequences of each example, one behind another. */
final class AnswerTargets implements Targets {

  private static final float[] NO_FLOATS = {};
  private static final int[] NO_INTEGERS = {};

  private final List<Held> held = new ArrayList<>();
  private final PairTask.Own own;
  private final Targets tokens;
  private final RowAxis axis;
  private final float[] weights;
  private final float[] ownWeights;
  private final float[] reference;
  private final int[] ranges;
  private final float[] perToken;
  private final int[][] half;
  private final int[][] inverse;
  private final float[] good;
  private final int[] whole;
  private int sequences;
  private int targets;
  private double ownTokens;
  private int together;

  AnswerTargets(PackedInputs in, Program program, PairTask.Own own) {
    this.own = own;
    tokens = TokenLabels.targets(in, program, 1);
    axis = program.axis("examples").orElseThrow();
    int t = in.tokens().capacity();
    int s = in.sequences().capacity();
    weights = new float[t];
    ownWeights = new float[t];
    reference = new float[t];
    ranges = new int[2 * s];
    perToken = new float[s];
    half = new int[2][s];
    inverse = new int[2][s];
    good = new float[s];
    whole = new int[2 * s];
    hold(program, "answerWeights", Unit.TARGET, weights);
    hold(program, "ownWeights", Unit.TARGET, ownWeights);
    hold(program, AnswerSlots.REFERENCE, Unit.TARGET, reference);
    hold(program, "perToken", Unit.SEQUENCE, perToken);
    hold(program, "good", Unit.EXAMPLE, good);
    hold(program, "answers", Unit.SEQUENCE, 2, ranges);
    hold(program, "everyExample", Unit.EXAMPLE, 2, whole);
    hold(program, "counted", Unit.EXAMPLE, 1, half[0]);
    for (int which = 0; which < 2; which++) {
      hold(program, "half" + which, Unit.EXAMPLE, 1, half[which]);
      hold(program, "halfInverse" + which, Unit.SEQUENCE, 1, inverse[which]);
    }
  }

  @Override
  public void virtualRows(int rows) {
    tokens.virtualRows(rows);
  }

  /** The own loss is a mean over the tokens of all these examples, while the sum of all losses is divided by the examples. */
  @Override
  public void together(List<Target> examples) {
    together = examples.size();
    ownTokens = 0;
    for (int i = 0; i < together; i++) {
      Target.TokenLabels first = answers(examples.get(i)).labels().getFirst();
      for (int t = 1; t < first.ids().length; t++) {
        ownTokens += own.prompts() || first.counted()[t] ? 1 : 0;
      }
    }
  }

  @Override
  public void clear() {
    tokens.clear();
    sequences = 0;
    targets = 0;
  }

  private static Target.Answers answers(Target target) {
    if (!(target instanceof Target.Answers answers)) {
      throw Targets.other(target, Target.Answers.class);
    }
    if (answers.labels().size() != 2) {
      throw new ConfigException("an example has %d answers, expected 2".formatted(answers.labels().size()));
    }
    return answers;
  }

  @Override
  public void add(Target target) {
    Target.Answers answers = answers(target);
    int shorter = Math.min(counted(answers.labels().getFirst()), counted(answers.labels().getLast()));
    int given = 0;
    good[sequences / 2] = answers.good() ? 1 : -1;
    for (int which = 0; which < 2; which++) {
      Target.TokenLabels labels = answers.labels().get(which);
      boolean prompt = which == 0 && own.weight() != 0 && own.prompts();
      tokens.add(prompt ? whole(labels) : labels);
      int from = targets;
      int seen = 0;
      for (int t = 1; t < labels.ids().length; t++) {
        boolean counted = labels.counted()[t];
        if (counted || prompt) {
          weights[targets] = !counted ? 0 : seen < shorter ? 1 : (float) own.beyond();
          ownWeights[targets] = which == 0 && ownTokens > 0 ? (float) (together / ownTokens) : 0;
          reference[targets] = counted && answers.reference().length > 0 ? answers.reference()[given++] : 0;
          targets++;
          seen += counted ? 1 : 0;
        }
      }
      ranges[2 * sequences] = from;
      ranges[2 * sequences + 1] = targets - from;
      perToken[sequences] = seen == 0 ? 0 : 1f / seen;
      half[which][sequences / 2] = sequences;
      inverse[which][sequences] = sequences / 2;
      inverse[1 - which][sequences] = -1;
      sequences++;
    }
  }

  private static Target.TokenLabels whole(Target.TokenLabels labels) {
    boolean[] all = new boolean[labels.ids().length];
    Arrays.fill(all, true);
    return new Target.TokenLabels(labels.ids(), all);
  }

  private static int counted(Target.TokenLabels labels) {
    int counted = 0;
    for (int t = 1; t < labels.ids().length; t++) {
      counted += labels.counted()[t] ? 1 : 0;
    }
    return counted;
  }

  @Override
  public void write(Executable to) {
    int examples = sequences / 2;
    tokens.write(to);
    to.rows(axis, examples);
    Arrays.fill(whole, 0, 2 * examples, 0);
    for (int i = 0; i < examples; i++) {
      whole[2 * i + 1] = examples;
    }
    for (int i = 0; i < held.size(); i++) {
      held.get(i).write(to, targets, sequences, examples);
    }
  }

  /** What one row of a slot stands for. */
  private enum Unit {
    TARGET, SEQUENCE, EXAMPLE
  }

  /** A slot that the program has, and what is written to it. */
  private record Held(Value slot, Unit unit, int width, float[] floats, int[] integers) {
    void write(Executable to, int targets, int sequences, int examples) {
      int count = width * switch (unit) {
        case TARGET -> targets;
        case SEQUENCE -> sequences;
        case EXAMPLE -> examples;
      };
      if (slot.integer()) {
        to.write(slot, integers, count);
      } else {
        to.write(slot, floats, count);
      }
    }
  }

  private void hold(Program program, String slot, Unit unit, float[] values) {
    program.slot(slot).ifPresent(of -> held.add(new Held(of, unit, 1, values, NO_INTEGERS)));
  }

  private void hold(Program program, String slot, Unit unit, int width, int[] values) {
    program.slot(slot).ifPresent(of -> held.add(new Held(of, unit, width, NO_FLOATS, values)));
  }

  /** Of each sequence the sum of its answer's log-ratios, and its tokens. */
  @Override
  public List<float[]> kept(float[] judged, int columns) {
    List<float[]> sums = new ArrayList<>();
    for (int s = 0; s < sequences; s++) {
      double sum = 0;
      for (int t = ranges[2 * s]; t < ranges[2 * s] + ranges[2 * s + 1]; t++) {
        sum += (double) judged[t] * weights[t];
      }
      sums.add(new float[] {(float) sum, perToken[s]});
    }
    return sums;
  }
}
