package io.github.lora4j.train.data;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** What is right for one example. */
public sealed interface Target {

  /** An example whose target is not known, or that needs none. */
  Target NONE = new None();

  /** The texts of a pair belong together. */
  Target PAIR = new Pair();

  /** Nothing is known to be right: texts to be predicted. */
  record None() implements Target {}

  /** The example's two texts belong together; all others of its batch do not. */
  record Pair() implements Target {}

  /**
   * One of several classes.
   *
   * @param id from 0 on; −100 is not counted
   */
  record OneClass(int id) implements Target {}

  /** Several classes, or none: for each class whether it applies. */
  record Classes(boolean... apply) implements Target {}

  /** Numbers to be predicted, one for each output. */
  record Numbers(float... values) implements Target {}

  /**
   * A label for each token of the example.
   *
   * @param ids class or token ids
   * @param counted which of them the loss counts
   * @param weights what each counts, more than 0; empty where all count 1
   * @param straddling tokens of which only a part is to be learnt: each counts as its first character does
   */
  record TokenLabels(int[] ids, boolean[] counted, float[] weights, int[] straddling) implements Target {

    /** Labels of which all that are counted count the same. */
    public TokenLabels(int[] ids, boolean[] counted) {
      this(ids, counted, new float[0], new int[0]);
    }

    /** What a token counts in the loss. */
    public float weight(int token) {
      return weights.length == 0 ? 1 : weights[token];
    }

    /** A label that is not counted, in PyTorch's convention. */
    public static final int IGNORED = -100;

    /** Labels in PyTorch's convention: −100 is not counted. */
    public static TokenLabels of(int... ids) {
      boolean[] counted = new boolean[ids.length];
      for (int i = 0; i < ids.length; i++) {
        counted[i] = ids[i] != IGNORED;
      }
      return new TokenLabels(ids, counted);
    }
  }

  /**
   * A stretch of tokens, such as an answer in its text.
   *
   * @param first its first token; −100 is not counted
   * @param last its last token; −100 is not counted
   * @param tokens tokens of the sequence
   * @param passage the text that it is a stretch of, for measures and predictions
   */
  record Span(int first, int last, int tokens, Passage passage) implements Target {

    /** A stretch of what nobody wants to read. */
    public Span(int first, int last, int tokens) {
      this(first, last, tokens, Passage.NONE);
    }
  }

  /**
   * A text that answers are taken from.
   *
   * @param starts for each token of the sequence its first character in the text, {@code ends} the one behind its last; 0 for tokens that are not
   *     of the text
   * @param answers the right ones, one of them empty where the text has none; none at all where they are not known
   */
  record Passage(String text, int[] starts, int[] ends, List<String> answers) {

    static final Passage NONE = new Passage("", new int[0], new int[0], List.of());

    /** Copies the list. */
    public Passage {
      answers = List.copyOf(answers);
    }
  }

  /**
   * Answers to a prompt, one of each sequence of the example.
   *
   * @param labels the tokens of each sequence; counted are those of its answer
   * @param good whether the first is a good one; of a pair it is always the better
   * @param reference log-probability of each counted token by the reference, one behind another; empty where the step computes it
   */
  record Answers(List<TokenLabels> labels, boolean good, float... reference) implements Target {
    /** Copies the list. */
    public Answers {
      labels = List.copyOf(labels);
    }

    /** The same with what a reference says. */
    public Answers against(float... logProbabilities) {
      return new Answers(labels, good, logProbabilities);
    }
  }

  /** The target as 32-bit words, for checksums. */
  default IntStream words() {
    return switch (this) {
      case None n -> IntStream.empty();
      case Pair p -> IntStream.empty();
      // Class ids and flags as floats: the checksums of runs that began before targets had types.
      case OneClass c -> IntStream.of(Float.floatToRawIntBits(c.id));
      case Classes c -> IntStream.range(0, c.apply.length).map(i -> Float.floatToRawIntBits(c.apply[i] ? 1 : 0));
      case Numbers n -> IntStream.range(0, n.values.length).map(i -> Float.floatToRawIntBits(n.values[i]));
      case TokenLabels t -> IntStream.concat(IntStream.range(0, t.ids.length).map(i -> t.counted[i] ? t.ids[i] : TokenLabels.IGNORED),
          IntStream.range(0, t.weights.length).map(i -> Float.floatToRawIntBits(t.weights[i])));
      case Answers a -> IntStream.concat(IntStream.of(a.good ? 1 : 0), a.labels.stream().flatMapToInt(Target::words));
      case Span s -> Arrays.stream(new int[] {s.first, s.last, s.tokens});
    };
  }
}
