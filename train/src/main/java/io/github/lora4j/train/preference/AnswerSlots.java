package io.github.lora4j.train.preference;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.SiteHooks;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.train.recorded.TokenLabels;

/**
 * Slots of answers: two sequences make an example, a pair of answers or an answer and a comparison.
 *
 * @param targets axis of the tokens that are predicted
 * @param weights what each of them counts in its answer: 1, or less, or 0 for what is none of the answer [targets, 1]
 * @param own what each of them counts in the loss of the answer itself [targets, 1]
 * @param ranges the tokens of each sequence among the targets [sequences, 2]
 * @param perToken 1 / tokens of each answer [sequences, 1]
 * @param examples axis of the examples
 * @param counted each example, to be counted [examples, 1]
 */
record AnswerSlots(RowAxis targets, Value weights, Value own, Value ranges, Value perToken, RowAxis examples, Value counted) {

  static final String REFERENCE = "reference";

  static AnswerSlots declare(ProgramBuilder program, PackedInputs in) {
    RowAxis targets = program.axis("targets", in.tokens().capacity());
    RowAxis examples = program.axis("examples", Math.max(1, in.sequences().capacity() / 2));
    return new AnswerSlots(targets, program.input("answerWeights", Shape.of(targets, 1)), program.input("ownWeights", Shape.of(targets, 1)),
        program.table("answers", Shape.of(in.sequences(), 2)), program.input("perToken", Shape.of(in.sequences(), 1)), examples,
        program.table("counted", Shape.of(examples, 1)));
  }

  /** Log-probabilities of the targets, less those of the reference [targets, 1]. */
  static Value logRatios(Model model, Reference reference, Sites sites, PackedInputs in) {
    Graph graph = sites.graph();
    Value own = logProbabilities(model, sites, in);
    return switch (reference) {
      case NONE -> own;
      case STEP -> graph.subtract(own, logProbabilities(model, new Sites(graph, SiteHooks.NONE), in));
      case GIVEN -> graph.subtract(own, graph.program().input(REFERENCE, own.shape()));
    };
  }

  private static Value logProbabilities(Model model, Sites sites, PackedInputs in) {
    Graph graph = sites.graph();
    return model.labelled(sites, TokenLabels.rows(graph, in, model.hidden(sites, in, Rows.ALL)), TokenLabels.labels(graph, in)).logProbability();
  }

  /** The first or second sequence of each example, of values of the sequences. */
  static Value half(Graph graph, PackedInputs in, Value ofSequences, int which) {
    ProgramBuilder program = graph.program();
    RowAxis examples = program.axis("examples", Math.max(1, in.sequences().capacity() / 2));
    Value ids = program.table("half" + which, Shape.of(examples, 1));
    Value inverse = program.table("halfInverse" + which, Shape.of(in.sequences(), 1));
    return graph.gather(ofSequences, ids, inverse);
  }
}
