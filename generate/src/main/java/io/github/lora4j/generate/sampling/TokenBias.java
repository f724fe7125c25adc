package io.github.lora4j.generate.sampling;

import java.util.List;
import java.util.Map;

/**
 * Adds to the score of the last token of a sequence where the others of it come before. A bad word is one with −∞.
 *
 * @param sequences token ids
 * @param biases of each
 */
record TokenBias(int[][] sequences, float[] biases) implements LogitsProcessor {

  static TokenBias of(Map<List<Integer>, Double> biases) {
    List<Map.Entry<List<Integer>, Double>> all = List.copyOf(biases.entrySet());
    int[][] sequences = new int[all.size()][];
    float[] values = new float[all.size()];
    for (int i = 0; i < values.length; i++) {
      sequences[i] = all.get(i).getKey().stream().mapToInt(Integer::intValue).toArray();
      values[i] = all.get(i).getValue().floatValue();
    }
    return new TokenBias(sequences, values);
  }

  /** Forbids words; an end token alone is none. */
  static TokenBias bad(List<List<Integer>> words, List<Integer> ends) {
    List<List<Integer>> kept = words.stream().filter(word -> word.size() > 1 || !ends.contains(word.getFirst())).distinct().toList();
    int[][] sequences = kept.stream().map(word -> word.stream().mapToInt(Integer::intValue).toArray()).toArray(int[][]::new);
    float[] values = new float[sequences.length];
    java.util.Arrays.fill(values, Scores.IMPOSSIBLE);
    return new TokenBias(sequences, values);
  }

  @Override
  public void process(Scores scores) {
    float[] values = scores.values();
    for (int i = 0; i < sequences.length; i++) {
      int[] sequence = sequences[i];
      int last = sequence[sequence.length - 1];
      if (last < values.length && follows(scores, sequence)) {
        values[last] += biases[i];
      }
    }
  }

  /** Whether all but the last come before; transformers leaves out sequences that are longer than what is there. */
  private static boolean follows(Scores scores, int[] sequence) {
    int before = sequence.length - 1;
    boolean same = before == 0 || sequence.length <= scores.length();
    for (int j = 0; same && j < before; j++) {
      same = scores.token(scores.length() - before + j) == sequence[j];
    }
    return same;
  }
}
