package io.github.lora4j.train.recorded;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Loss;

/**
 * Answers in a text: for every token how likely the answer starts there, and ends there
 * [tokens, 2]. The loss is the mean of two cross-entropies, each over the tokens of the sequence.
 *
 * <p>An example's label is (first token of the answer, last token, tokens of the sequence); −100 for an end that is not counted, as when the
 * answer was cut off.
 */
public record QuestionAnswering(Model model) implements RecordedTask {

  private static final int ENDS = 2;

  /** Both ends of every sequence: its tokens as a span, and the token in it that is right. */
  private record Slots(RowAxis axis, Value spans, Value labels) {
    static Slots declare(ProgramBuilder program, PackedInputs in) {
      RowAxis axis = program.axis("ends", ENDS * in.sequences().capacity());
      return new Slots(axis, program.table("spans", Shape.of(axis, 3)), program.table("labels", Shape.of(axis, 1)));
    }
  }

  /** The task on an architecture. */
  public QuestionAnswering(Architecture architecture) {
    this(new Model(architecture, new Head.QuestionAnswering()));
  }

  @Override
  public String taskType() {
    return "QUESTION_ANS";
  }

  @Override
  public Value loss(Graph graph, PackedInputs in, Value predictions) {
    return graph.region("loss", () -> {
      Slots slots = Slots.declare(graph.program(), in);
      return graph.loss(Loss.CROSS_ENTROPY, graph.spread(predictions, slots.spans, in.maxLength()), slots.labels);
    });
  }

  @Override
  public void countTargets(Graph graph, PackedInputs in, Value total) {
    graph.countTargets(Loss.CROSS_ENTROPY, Slots.declare(graph.program(), in).labels, total);
  }

  @Override
  public Targets targets(PackedInputs in, Program program) {
    RowAxis axis = program.axis("ends").orElseThrow();
    int[] spans = new int[3 * axis.capacity()];
    int[] labels = new int[axis.capacity()];
    return new Targets() {
      private int rows;
      private int tokens;

      @Override
      public void clear() {
        rows = 0;
        tokens = 0;
      }

      @Override
      public void add(Target target) {
        if (!(target instanceof Target.Span span)) {
          throw Targets.other(target, Target.Span.class);
        }
        int[] found = {span.first(), span.last()};
        for (int end = 0; end < ENDS; end++) {
          if (found[end] != Target.TokenLabels.IGNORED && (found[end] < 0 || found[end] >= span.tokens())) {
            throw new ConfigException("the answer's %s token is %d, but the sequence has %d tokens; label an end that was cut off %d"
                .formatted(end == 0 ? "first" : "last", found[end], span.tokens(), Target.TokenLabels.IGNORED));
          }
          spans[3 * rows] = tokens;
          spans[3 * rows + 1] = span.tokens();
          spans[3 * rows + 2] = end;
          labels[rows++] = found[end];
        }
        tokens += span.tokens();
      }

      @Override
      public void write(Executable to) {
        to.rows(axis, rows);
        to.write(program.slot("spans").orElseThrow(), spans, 3 * rows);
        to.write(program.slot("labels").orElseThrow(), labels, rows);
      }
    };
  }
}
