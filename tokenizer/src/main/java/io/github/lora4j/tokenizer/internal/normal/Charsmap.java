package io.github.lora4j.tokenizer.internal.normal;

import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.tokenizer.internal.text.TextEdit;
import io.github.lora4j.vector.FormatException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.text.BreakIterator;
import java.util.Arrays;
import java.util.Locale;

/**
 * sentencepiece's precompiled character map: a length, a double-array trie over UTF-8 bytes (Darts), and the replacements that its values point
 * into, each ended by a zero.
 */
public final class Charsmap implements Normalizer {

  private static final int MAX_BYTES = 16 << 20;

  /** The map that a model without one has: it leaves everything as it is. */
  public static final Charsmap NONE = new Charsmap(new int[1], new byte[0]);

  private final int[] trie;
  private final byte[] replacements;

  private Charsmap(int[] trie, byte[] replacements) {
    this.trie = trie;
    this.replacements = replacements;
  }

  /** Reads a map. */
  public static Charsmap of(byte[] bytes, String place) {
    if (bytes.length < 8 || bytes.length > MAX_BYTES) {
      throw new FormatException(place + " has " + bytes.length + " bytes, expected 8 to " + MAX_BYTES);
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int size = buffer.getInt();
    if (size < 4 || size % 4 != 0 || size > bytes.length - 4) {
      throw new FormatException(place + " says that its trie has " + size + " bytes, of " + (bytes.length - 4));
    }
    int[] trie = new int[size / 4];
    buffer.asIntBuffer().get(trie);
    return new Charsmap(trie, Arrays.copyOfRange(bytes, 4 + size, bytes.length));
  }

  /** What a prefix of the bytes becomes, as places in the replacements: the shortest prefix that is in the map, or the longest; −1: none. */
  private long find(byte[] key, int from, int to, boolean longest) {
    long found = -1;
    int node = offset(trie[0]);
    for (int i = from; i < to && key[i] != 0; i++) {
      int label = key[i] & 0xFF;
      node ^= label;
      if (node >= trie.length || node < 0 || (trie[node] & 0x8000_00FF) != label) {
        return found;
      }
      int unit = trie[node];
      node ^= offset(unit);
      if ((unit >> 8 & 1) == 1 && node >= 0 && node < trie.length) {
        found = (long) (trie[node] & 0x7FFF_FFFF) << 32 | i + 1 - from;
        if (!longest) {
          return found;
        }
      }
    }
    return found;
  }

  private static int offset(int unit) {
    return unit >>> 10 << ((unit & 1 << 9) >> 6);
  }

  private String replacement(long found) {
    int from = (int) (found >> 32);
    int to = from;
    while (to < replacements.length && replacements[to] != 0) {
      to++;
    }
    return from >= replacements.length ? "" : new String(replacements, from, to - from, StandardCharsets.UTF_8);
  }

  /**
   * As sentencepiece does it: what the longest prefix of the bytes in the map becomes.
   *
   * @param length receives the length of the prefix, 0 if none is in the map
   */
  public String longest(byte[] utf8, int from, int[] length) {
    long found = find(utf8, from, utf8.length, true);
    length[0] = found < 0 ? 0 : (int) found;
    return found < 0 ? "" : replacement(found);
  }

  /**
   * As Hugging Face's tokenizers do it: by grapheme clusters of less than six bytes where the map has a prefix of them, the shortest, and else by
   * code points.
   */
  @Override
  public Text normalize(Text text) {
    Changes changes = new Changes();
    String string = text.toString();
    BreakIterator clusters = BreakIterator.getCharacterInstance(Locale.ROOT);
    clusters.setText(string);
    boolean modified = false;
    int start = clusters.first();
    for (int end = clusters.next(); end != BreakIterator.DONE; start = end, end = clusters.next()) {
      modified |= cluster(string.substring(start, end), changes);
    }
    return modified ? changes.apply(text) : text;
  }

  /** Code points with how many of the original each stands for, as {@link TextEdit#put} takes them. */
  private static final class Changes {
    private int[] codePoints = new int[64];
    private int[] by = new int[64];
    private int count;

    void put(int c, int change) {
      if (count == by.length) {
        codePoints = Arrays.copyOf(codePoints, count * 2);
        by = Arrays.copyOf(by, count * 2);
      }
      codePoints[count] = c;
      by[count++] = change;
    }

    /** So many are left out: the last one before says so, and at the beginning nobody does. */
    void drop(int number) {
      if (count > 0) {
        by[count - 1] -= number;
      }
    }

    Text apply(Text text) {
      TextEdit edit = new TextEdit(text);
      for (int i = 0; i < count; i++) {
        edit.put(codePoints[i], by[i]);
      }
      return edit.result();
    }
  }

  private boolean cluster(String cluster, Changes changes) {
    byte[] utf8 = cluster.getBytes(StandardCharsets.UTF_8);
    if (utf8.length < 6 && replaced(utf8, cluster, changes)) {
      return true;
    }
    boolean modified = false;
    for (int i = 0; i < cluster.length(); ) {
      int c = cluster.codePointAt(i);
      String one = Character.toString(c);
      if (replaced(one.getBytes(StandardCharsets.UTF_8), one, changes)) {
        modified = true;
      } else {
        changes.put(c, 0);
      }
      i += one.length();
    }
    return modified;
  }

  /** Added code points come last. */
  private boolean replaced(byte[] utf8, String part, Changes changes) {
    long found = find(utf8, 0, utf8.length, false);
    if (found < 0) {
      return false;
    }
    int[] by = replacement(found).codePoints().toArray();
    int old = part.codePointCount(0, part.length());
    for (int i = 0; i < by.length; i++) {
      changes.put(by[i], i >= old ? 1 : 0);
    }
    changes.drop(Math.max(0, old - by.length));
    return true;
  }
}
