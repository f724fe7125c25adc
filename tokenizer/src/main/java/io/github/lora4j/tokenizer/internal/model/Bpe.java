package io.github.lora4j.tokenizer.internal.model;

import io.github.lora4j.tokenizer.internal.text.Pieces;
import io.github.lora4j.tokenizer.internal.text.Text;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Byte pair encoding (Sennrich et al. 2016): of a word's characters the neighbours that were merged first in training are merged first, the
 * leftmost of
 * equals, until no pair is in the table. A word of n characters takes n log n.
 */
final class Bpe extends Cached {

  /**
   * Settings as in {@code tokenizer.json}.
   *
   * @param prefix of every character but a word's first
   * @param suffix of a word's last
   * @param fuse whether unknown characters in a row are one token
   * @param bytes tokens of bytes for characters that have none; null: none
   * @param whole whether a word that is a token is taken as it is
   */
  record Settings(String prefix, String suffix, OptionalInt unknown, boolean fuse, OptionalInt[] bytes, boolean whole) {}

  private final Map<String, Integer> vocabulary;
  private final Merges merges;
  private final Settings settings;
  /** Tokens of one character without prefix and suffix. */
  private final int[] narrow = new int[0x3000];
  private final Map<Integer, Integer> wide = new HashMap<>();

  Bpe(Map<String, Integer> vocabulary, Merges merges, Settings settings) {
    this.vocabulary = vocabulary;
    this.merges = merges;
    this.settings = settings;
    Arrays.fill(narrow, -1);
    vocabulary.forEach((token, id) -> {
      if (!token.isEmpty() && token.codePointCount(0, token.length()) == 1) {
        int c = token.codePointAt(0);
        if (c < narrow.length) {
          narrow[c] = id;
        } else {
          wide.put(c, id);
        }
      }
    });
  }

  @Override
  void tokens(Text text, int from, int to, Pieces out) {
    if (settings.whole) {
      Integer id = vocabulary.get(text.string(from, to));
      if (id != null) {
        out.add(id, 0, to - from);
        return;
      }
    }
    BpeWord word = new BpeWord(to - from);
    fill(text, from, to, word);
    word.merge(merges);
    word.add(out);
  }

  private void fill(Text text, int from, int to, BpeWord word) {
    int unknownFrom = -1;
    int unknownTo = -1;
    for (int i = from; i < to; i++) {
      int id = id(text.at(i), i == from, i == to - 1);
      if (id < 0 && settings.bytes.length > 0 && bytes(text.at(i), i == from, i == to - 1, i - from, word)) {
        continue;
      }
      if (id < 0 && settings.unknown.isEmpty()) {
        continue;
      }
      if (unknownFrom >= 0 && (id >= 0 || !settings.fuse)) {
        word.append(settings.unknown.orElseThrow(), unknownFrom, unknownTo);
        unknownFrom = -1;
      }
      if (id >= 0) {
        word.append(id, i - from, i - from + 1);
      } else {
        unknownFrom = unknownFrom < 0 ? i - from : unknownFrom;
        unknownTo = i - from + 1;
      }
    }
    if (unknownFrom >= 0) {
      word.append(settings.unknown.orElseThrow(), unknownFrom, unknownTo);
    }
  }

  private int id(int c, boolean first, boolean last) {
    if ((first || settings.prefix.isEmpty()) && (!last || settings.suffix.isEmpty())) {
      return c < narrow.length ? narrow[c] : wide.getOrDefault(c, -1);
    }
    return vocabulary.getOrDefault(affixed(c, first, last), -1);
  }

  private String affixed(int c, boolean first, boolean last) {
    return (first ? "" : settings.prefix) + Character.toString(c) + (last ? settings.suffix : "");
  }

  /** Adds a character as bytes, if all of them have tokens. */
  private boolean bytes(int c, boolean first, boolean last, int at, BpeWord word) {
    byte[] utf8 = affixed(c, first, last).getBytes(StandardCharsets.UTF_8);
    for (byte b : utf8) {
      if (settings.bytes[b & 0xFF].isEmpty()) {
        return false;
      }
    }
    for (byte b : utf8) {
      word.append(settings.bytes[b & 0xFF].getAsInt(), at, at + 1);
    }
    return true;
  }
}
