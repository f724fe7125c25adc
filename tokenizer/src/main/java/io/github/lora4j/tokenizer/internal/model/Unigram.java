package io.github.lora4j.tokenizer.internal.model;

import io.github.lora4j.tokenizer.internal.text.Pieces;
import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.tokenizer.internal.text.Trie;
import io.github.lora4j.vector.ConfigException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Unigram language model (Kudo 2018): the tokens whose scores have the largest sum (Viterbi). Of equal sums the one found first stays, which is
 * the one
 * whose last token begins first. A character that no token of one character stands for is unknown, ten below the least score; unknown ones in a
 * row are
 * one token.
 */
final class Unigram extends Cached {

  private static final double UNKNOWN_PENALTY = 10;

  /**
   * Settings.
   *
   * @param bytes tokens of bytes for unknown characters; empty: none
   * @param single whether sums are rounded to single precision, as sentencepiece does
   */
  record Settings(OptionalInt unknown, OptionalInt[] bytes, boolean single) {}

  private final Trie trie = new Trie(1);
  private final double[] scores;
  private final double unknownScore;
  private final Settings settings;

  /** Pieces that words are made of, with scores by id. */
  Unigram(Map<String, Integer> pieces, double[] scores, double least, Settings settings) {
    pieces.forEach((token, id) -> {
      if (!token.isEmpty()) {
        trie.put(0, token.codePoints().toArray(), id);
      }
    });
    this.scores = scores;
    this.unknownScore = settings.single ? (float) least - (float) UNKNOWN_PENALTY : least - UNKNOWN_PENALTY;
    this.settings = settings;
  }

  @Override
  void tokens(Text text, int from, int to, Pieces out) {
    int length = to - from;
    double[] best = new double[length + 1];
    int[] starts = new int[length + 1];
    int[] ids = new int[length + 1];
    Arrays.fill(starts, -1);
    for (int at = 0; at < length; at++) {
      boolean single = false;
      int node = 0;
      for (int end = at + 1; end <= length; end++) {
        node = trie.child(node, text.at(from + end - 1));
        if (node < 0) {
          break;
        }
        int id = trie.value(node);
        if (id >= 0) {
          single |= end == at + 1;
          improve(best, starts, ids, new int[] {at, end, id}, scores[id]);
        }
      }
      if (!single) {
        improve(best, starts, ids, new int[] {at, at + 1, -1}, unknownScore);
      }
    }
    int count = 0;
    int[] path = new int[length];
    for (int end = length; end > 0; end = starts[end]) {
      path[count++] = end;
    }
    for (int i = count - 1; i >= 0; i--) {
      int end = path[i];
      int start = starts[end];
      if (!unknown(ids[end])) {
        out.add(ids[end], start, end);
        continue;
      }
      while (i > 0 && unknown(ids[path[i - 1]])) {
        end = path[--i];
      }
      unknown(text, from, start, end, out);
    }
  }

  private boolean unknown(int id) {
    return id < 0 || settings.unknown.isPresent() && settings.unknown.getAsInt() == id;
  }

  /** Enters a token from, to, id if it is the better way to its end. */
  private void improve(double[] best, int[] starts, int[] ids, int[] token, double score) {
    double exact = score + best[token[0]];
    double sum = settings.single ? (float) exact : exact;
    int end = token[1];
    if (starts[end] < 0 || sum > best[end]) {
      best[end] = sum;
      starts[end] = token[0];
      ids[end] = token[2];
    }
  }

  private void unknown(Text text, int from, int start, int end, Pieces out) {
    // Unknown characters may be a token together, though the way there had none of it.
    int node = 0;
    for (int i = start; i < end && node >= 0; i++) {
      node = trie.child(node, text.at(from + i));
    }
    if (node >= 0 && trie.value(node) >= 0) {
      out.add(trie.value(node), start, end);
      return;
    }
    byte[] utf8 = settings.bytes.length == 0 ? new byte[0] : text.string(from + start, from + end).getBytes(StandardCharsets.UTF_8);
    boolean all = utf8.length > 0;
    for (byte b : utf8) {
      all &= settings.bytes[b & 0xFF].isPresent();
    }
    if (all) {
      for (byte b : utf8) {
        out.add(settings.bytes[b & 0xFF].getAsInt(), start, end);
      }
      return;
    }
    out.add(settings.unknown.orElseThrow(() -> new ConfigException("the text has '" + text.string(from + start, from + end)
        + "', which is not in the vocabulary, and the tokenizer has no unknown token")), start, end);
  }
}
