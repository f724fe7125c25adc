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
 * @param counted which of them
 * @param cut whether tokens were left out behind them
 */
record Marked(int[] ids, boolean[] counted, boolean cut) {

  /** A text's tokens; learnt are those whose first character lies in one of the spans. */
  static Marked of(Encoding encoding, List<Span> spans) {
    boolean[] counted = new boolean[encoding.length()];
    for (int t = 0; t < counted.length; t++) {
      int end = encoding.ends()[t];
      // Special tokens that a tokenizer adds are at 0. Blanks are left off by some (trim_offsets), so that a token of a blank alone ends where it
      // starts.
      int start = Math.min(encoding.starts()[t], end - 1);
      counted[t] = end > 0 && spans.stream().anyMatch(span -> start >= span.start() && start < span.end());
    }
    return new Marked(encoding.ids(), counted, false);
  }

  /** All of a text's tokens, to be learnt. */
  static Marked all(Encoding encoding) {
    boolean[] counted = new boolean[encoding.length()];
    Arrays.fill(counted, true);
    return new Marked(encoding.ids(), counted, false);
  }

  /** With an end token, to be learnt, unless there is one. */
  Marked ended(int end) {
    if (ids.length > 0 && ids[ids.length - 1] == end) {
      boolean[] more = counted.clone();
      more[ids.length - 1] = true;
      return new Marked(ids, more, cut);
    }
    int[] longer = Arrays.copyOf(ids, ids.length + 1);
    boolean[] more = Arrays.copyOf(counted, ids.length + 1);
    longer[ids.length] = end;
    more[ids.length] = true;
    return new Marked(longer, more, cut);
  }

  /** The first tokens. */
  Marked first(int length) {
    return length >= ids.length ? this : new Marked(Arrays.copyOf(ids, length), Arrays.copyOf(counted, length), true);
  }

  /** Tokens that can be learnt: not the first one, which nothing predicts. */
  int learnt() {
    return (int) IntStream.range(1, ids.length).filter(t -> counted[t]).count();
  }

  Sequence sequence() {
    return new Sequence(ids, new int[ids.length], cut);
  }

  Target.TokenLabels labels() {
    return new Target.TokenLabels(ids, counted);
  }

  /** Where the first token that is learnt stands. */
  int answer() {
    int t = 0;
    while (t < ids.length && !counted[t]) {
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
        int to = Math.min(ids.length, from + longest);
        parts.add(new Marked(Arrays.copyOfRange(ids, from, to), Arrays.copyOfRange(counted, from, to), false));
      }
    }
    return parts.stream().filter(part -> part.learnt() > 0).map(part -> Example.of(part.sequence(), part.labels())).toList();
  }
}
