package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.internal.text.Bytes;
import io.github.lora4j.tokenizer.internal.text.Text;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * Byte-level BPE (Radford et al. 2019; Sennrich et al. 2016): of a word's UTF-8 bytes the neighbours that were merged first in training are
 * merged first, the leftmost of equals, until no pair is in the table.
 */
final class ByteLevelBpe implements TextModel {

  /**
   * Two tokens that were merged in training.
   *
   * @param place where they stand, for errors
   */
  record Pair(String left, String right, String place) {}

  /** What a pair becomes, and how early. */
  private record Merge(int rank, int id) {}

  /** A pair of neighbours that could be merged while they are still these. */
  private record Candidate(Merge merge, int left, int leftId, int right, int rightId) implements Comparable<Candidate> {
    @Override
    public int compareTo(Candidate other) {
      return merge.rank != other.merge.rank ? Integer.compare(merge.rank, other.merge.rank) : Integer.compare(left, other.left);
    }
  }

  private final int[] byteIds = new int[256];
  private final Map<Long, Merge> merges = new HashMap<>();
  private final boolean prefixSpace;

  private ByteLevelBpe(boolean prefixSpace) {
    this.prefixSpace = prefixSpace;
  }

  /**
   * Builds the table.
   *
   * @param pairs in the order in which they were learned
   * @param prefixSpace whether a space is put before text that has none
   * @param vocab the vocabulary's place, for errors
   */
  static ByteLevelBpe of(Vocabulary vocabulary, List<Pair> pairs, boolean prefixSpace, Json vocab) {
    ByteLevelBpe model = new ByteLevelBpe(prefixSpace);
    for (int b = 0; b < 256; b++) {
      String token = String.valueOf(Bytes.character(b));
      int value = b;
      model.byteIds[b] = vocabulary.id(token).orElseThrow(() -> vocab.broken("has no token '%s', which stands for byte %d".formatted(token,
          value)));
    }
    for (int rank = 0; rank < pairs.size(); rank++) {
      Pair pair = pairs.get(rank);
      long key = key(known(vocabulary, pair.left, pair, vocab), known(vocabulary, pair.right, pair, vocab));
      model.merges.put(key, new Merge(rank, known(vocabulary, pair.left + pair.right, pair, vocab)));
    }
    return model;
  }

  private static int known(Vocabulary vocabulary, String token, Pair pair, Json vocab) {
    return vocabulary.id(token).orElseThrow(() -> vocab.broken("has no token '%s', which the merge '%s %s' (%s) needs".formatted(token,
        pair.left, pair.right, pair.place)));
  }

  private static long key(int left, int right) {
    return (long) left << 32 | right;
  }

  @Override
  public void encode(Text text, int from, int to, Pieces out) {
    if (!prefixSpace || text.at(from) == ' ') {
      words(text, from, to, out);
      return;
    }
    Text spaced = new Text(to - from + 1);
    spaced.add(' ', text.start(from), text.end(from));
    for (int i = from; i < to; i++) {
      spaced.add(text.at(i), text.start(i), text.end(i));
    }
    words(spaced, 0, spaced.length(), out);
  }

  private void words(Text text, int from, int to, Pieces out) {
    int end;
    for (int at = from; at < to; at = end) {
      end = GptWords.end(text, at, to);
      Word word = new Word(text, at, end);
      word.merge();
      word.add(out);
    }
  }

  /** A word's pieces, each at the place of its first byte and linked to the next. */
  private final class Word {
    private final int length;
    private final int[] ids;
    private final int[] starts;
    private final int[] ends;
    private final int[] next;
    private final int[] previous;
    private final PriorityQueue<Candidate> queue = new PriorityQueue<>();

    Word(Text text, int from, int to) {
      int most = 4 * (to - from);
      ids = new int[most];
      starts = new int[most];
      ends = new int[most];
      int n = 0;
      for (int i = from; i < to; i++) {
        for (byte b : Character.toString(text.at(i)).getBytes(StandardCharsets.UTF_8)) {
          ids[n] = byteIds[b & 0xFF];
          starts[n] = text.start(i);
          ends[n++] = text.end(i);
        }
      }
      length = n;
      next = new int[n];
      previous = new int[n];
      Arrays.setAll(next, i -> i + 1);
      Arrays.setAll(previous, i -> i - 1);
    }

    void merge() {
      for (int i = 0; i < length; i++) {
        consider(i);
      }
      for (Candidate c = queue.poll(); c != null; c = queue.poll()) {
        if (ids[c.left] != c.leftId || next[c.left] != c.right || ids[c.right] != c.rightId) {
          continue;
        }
        ids[c.left] = c.merge.id;
        ends[c.left] = ends[c.right];
        // No candidate has this id, so those of the piece that is gone are passed over.
        ids[c.right] = -1;
        next[c.left] = next[c.right];
        if (next[c.left] < length) {
          previous[next[c.left]] = c.left;
        }
        consider(c.left);
        consider(previous[c.left]);
      }
    }

    private void consider(int left) {
      if (left < 0 || next[left] == length) {
        return;
      }
      int right = next[left];
      Merge merge = merges.get(key(ids[left], ids[right]));
      if (merge != null) {
        queue.add(new Candidate(merge, left, ids[left], right, ids[right]));
      }
    }

    void add(Pieces out) {
      for (int i = 0; i < length; i = next[i]) {
        out.add(ids[i], starts[i], ends[i]);
      }
    }
  }
}
