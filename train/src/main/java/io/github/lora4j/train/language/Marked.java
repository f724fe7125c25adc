package io.github.lora4j.train.language;

import io.github.lora4j.tokenizer.Encoding;
import io.github.lora4j.tokenizer.chat.Span;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Sequence;
import io.github.lora4j.train.data.Target;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Tokens of which some are to be learnt.
 *
 * @param weights what each of them counts in the loss; 0 where it is not learnt
 * @param straddling which of them hold characters of different weights
 * @param cut whether tokens were left out behind them
 */
record Marked(int[] ids, float[] weights, int[] straddling, boolean cut) {

  /** A part of a text that is learnt, and how much. */
  record Learnt(Span span, float weight) {}

  /**
   * A text's tokens. Each counts as its first character does, also where it goes on into another part: a character before an answer that shares
   * a token with the answer's first is not learnt, and neither is that one.
   */
  static Marked of(Encoding encoding, List<Learnt> parts) {
    int length = Math.max(IntStream.of(encoding.ends()).max().orElse(0), parts.stream().mapToInt(part -> part.span.end()).max().orElse(0));
    float[] ofChars = new float[length];
    parts.forEach(part -> Arrays.fill(ofChars, part.span.start(), part.span.end(), part.weight));
    float[] weights = new float[encoding.length()];
    int[] straddling = new int[weights.length];
    int count = 0;
    for (int t = 0; t < weights.length; t++) {
      int end = encoding.ends()[t];
      // Special tokens that a tokenizer adds are at 0. Blanks are left off by some (trim_offsets), so that a token of a blank alone ends where it
      // starts.
      int start = Math.min(encoding.starts()[t], end - 1);
      weights[t] = end > 0 ? ofChars[start] : 0;
      for (int c = start + 1; end > 0 && c < end; c++) {
        if (ofChars[c] != weights[t]) {
          straddling[count++] = t;
          break;
        }
      }
    }
    return new Marked(encoding.ids(), weights, Arrays.copyOf(straddling, count), false);
  }

  /** All of a text's tokens, to be learnt. */
  static Marked all(Encoding encoding, float weight) {
    float[] weights = new float[encoding.length()];
    Arrays.fill(weights, weight);
    return new Marked(encoding.ids(), weights, new int[0], false);
  }

  /** With an end token, to be learnt, unless there is one. */
  Marked ended(int end, float weight) {
    int at = ids.length > 0 && ids[ids.length - 1] == end ? ids.length - 1 : ids.length;
    int[] longer = Arrays.copyOf(ids, at + 1);
    float[] more = Arrays.copyOf(weights, at + 1);
    longer[at] = end;
    more[at] = weight;
    return new Marked(longer, more, straddling, cut);
  }

  /** The first tokens. */
  Marked first(int length) {
    return length >= ids.length ? this : part(0, length, true);
  }

  private Marked part(int from, int to, boolean shortened) {
    return new Marked(Arrays.copyOfRange(ids, from, to), Arrays.copyOfRange(weights, from, to),
        IntStream.of(straddling).filter(t -> t >= from && t < to).map(t -> t - from).toArray(), shortened);
  }

  /** Tokens that can be learnt: not the first one, which nothing predicts. */
  int learnt() {
    return (int) IntStream.range(1, ids.length).filter(t -> weights[t] > 0).count();
  }

  /** Whether all that is learnt counts the same, 1. */
  boolean even() {
    return IntStream.range(0, weights.length).allMatch(t -> weights[t] == 0 || weights[t] == 1);
  }

  Sequence sequence() {
    return new Sequence(ids, new int[ids.length], cut);
  }

  Target.TokenLabels labels() {
    boolean[] counted = new boolean[ids.length];
    for (int t = 0; t < counted.length; t++) {
      counted[t] = weights[t] > 0;
    }
    return new Target.TokenLabels(ids, counted, even() ? new float[0] : weights, straddling);
  }

  /** Of labels that all count the same. */
  static Marked of(Target.TokenLabels labels) {
    float[] weights = new float[labels.ids().length];
    for (int t = 0; t < weights.length; t++) {
      weights[t] = labels.counted()[t] ? 1 : 0;
    }
    return new Marked(labels.ids(), weights, labels.straddling(), false);
  }

  /** Where the first token that is learnt stands. */
  int answer() {
    int t = 0;
    while (t < ids.length && weights[t] == 0) {
      t++;
    }
    return t;
  }

  /** Examples of at most so many tokens; none where nothing can be learnt. */
  List<Example> examples(LongRows how, int longest) {
    List<Marked> parts = new ArrayList<>();
    if (ids.length <= longest || how == LongRows.TRUNCATE) {
      parts.add(first(longest));
    } else if (how == LongRows.SPLIT) {
      for (int from = 0; from < ids.length; from += longest) {
        parts.add(part(from, Math.min(ids.length, from + longest), false));
      }
    }
    return parts.stream().filter(part -> part.learnt() > 0).map(part -> Example.of(part.sequence(), part.labels())).toList();
  }
}
