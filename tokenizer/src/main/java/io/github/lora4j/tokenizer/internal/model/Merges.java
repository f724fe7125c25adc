package io.github.lora4j.tokenizer.internal.model;

import io.github.lora4j.vector.FormatException;
import java.util.Arrays;
import java.util.Map;

/** A table from pairs of ids to what they become, and how early. */
final class Merges {

  private static final long FREE = -1;
  private static final int MAX_LENGTH = 1000;

  private long[] pairs;
  private int[] ranks;
  private int[] ids;
  private int count;

  Merges(int expected) {
    int capacity = Integer.highestOneBit(Math.max(16, expected) * 2) * 2;
    pairs = new long[capacity];
    ranks = new int[capacity];
    ids = new int[capacity];
    Arrays.fill(pairs, FREE);
  }

  /**
   * All pairs of parts that make a piece, for vocabularies that say only how early a piece is made, not of what.
   *
   * @param parts what may be merged, by text
   * @param pieces what may come of it, by text
   * @param ranks how early, by the pieces' ids
   */
  static Merges of(Map<String, Integer> parts, Map<String, Integer> pieces, int[] ranks) {
    Merges merges = new Merges(pieces.size());
    pieces.forEach((piece, id) -> {
      if (piece.length() > MAX_LENGTH) {
        throw new FormatException("has a token of " + piece.length() + " characters, expected at most " + MAX_LENGTH);
      }
      for (int at = 1; at < piece.length(); at++) {
        if (Character.isLowSurrogate(piece.charAt(at)) && Character.isHighSurrogate(piece.charAt(at - 1))) {
          continue;
        }
        Integer left = parts.get(piece.substring(0, at));
        Integer right = left == null ? null : parts.get(piece.substring(at));
        if (left != null && right != null) {
          merges.put(left, right, ranks[id], id);
        }
      }
    });
    return merges;
  }

  /** Enters a pair; one that is there is overwritten. */
  void put(int left, int right, int rank, int id) {
    if (count * 2 >= pairs.length) {
      grow();
    }
    long pair = pair(left, right);
    int at = slot(pair);
    if (pairs[at] == FREE) {
      count++;
    }
    pairs[at] = pair;
    ranks[at] = rank;
    ids[at] = id;
  }

  private void grow() {
    Merges larger = new Merges(pairs.length);
    for (int i = 0; i < pairs.length; i++) {
      if (pairs[i] != FREE) {
        larger.put((int) (pairs[i] >> 32), (int) pairs[i], ranks[i], ids[i]);
      }
    }
    pairs = larger.pairs;
    ranks = larger.ranks;
    ids = larger.ids;
  }

  /** The place of a pair, or −1. */
  int find(int left, int right) {
    int at = slot(pair(left, right));
    return pairs[at] == FREE ? -1 : at;
  }

  int rank(int place) {
    return ranks[place];
  }

  int id(int place) {
    return ids[place];
  }

  private static long pair(int left, int right) {
    return (long) left << 32 | right;
  }

  private int slot(long pair) {
    int mask = pairs.length - 1;
    long mixed = pair * 0x9E3779B97F4A7C15L;
    int at = (int) (mixed >>> 32) & mask;
    while (pairs[at] != FREE && pairs[at] != pair) {
      at = at + 1 & mask;
    }
    return at;
  }
}
