package io.github.lora4j.tokenizer.internal.model;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;

/**
 * The pieces of a sentencepiece model by kind.
 *
 * @param size how many there are, of all kinds
 * @param normal those that were trained, by text
 * @param userDefined those that a user has defined, by text
 * @param scores by id
 * @param unknown the id of the unknown piece
 * @param bytes pieces that stand for bytes; empty: none
 */
public record SentencePieces(int size, Map<String, Integer> normal, Map<String, Integer> userDefined, float[] scores, int unknown,
    OptionalInt[] bytes) {

  /** The model of BPE. */
  public Model bpe() {
    return new SentencePieceBpe(this);
  }

  /** The unigram model. A piece that a user has defined scores so high that it is always taken. */
  public Model unigram() {
    float least = Float.POSITIVE_INFINITY;
    float most = Float.NEGATIVE_INFINITY;
    double[] of = new double[size];
    for (int id : normal.values()) {
      least = Math.min(least, scores[id]);
      most = Math.max(most, scores[id]);
      of[id] = scores[id];
    }
    Map<String, Integer> all = new HashMap<>(normal);
    all.putAll(userDefined);
    for (Map.Entry<String, Integer> piece : userDefined.entrySet()) {
      int length = piece.getKey().getBytes(StandardCharsets.UTF_8).length;
      of[piece.getValue()] = length * most - 0.1f;
    }
    return new Unigram(all, of, least, new Unigram.Settings(OptionalInt.of(unknown), bytes, true));
  }

  /** For each id how early its piece is merged: by score, equal scores alike. */
  int[] ranks() {
    float[] sorted = scores.clone();
    Arrays.sort(sorted);
    Map<Float, Integer> ranks = new HashMap<>();
    for (int i = sorted.length - 1; i >= 0; i--) {
      ranks.putIfAbsent(sorted[i], ranks.size());
    }
    int[] result = new int[scores.length];
    for (int id = 0; id < result.length; id++) {
      result[id] = ranks.getOrDefault(scores[id], ranks.size());
    }
    return result;
  }
}
