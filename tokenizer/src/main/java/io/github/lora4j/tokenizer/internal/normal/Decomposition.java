package io.github.lora4j.tokenizer.internal.normal;

import io.github.lora4j.tokenizer.internal.text.CodePoints;
import io.github.lora4j.tokenizer.internal.text.Unicode;
import java.text.Normalizer;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/** What code points are made of, and what pairs of them become, by Unicode 9: Java's tables without what is younger. */
final class Decomposition {

  static final Decomposition CANONICAL = new Decomposition(Normalizer.Form.NFD);
  static final Decomposition COMPATIBLE = new Decomposition(Normalizer.Form.NFKD);

  private final Normalizer.Form form;
  /** By pages of 256 code points; null for those that are their own. */
  private final AtomicReferenceArray<int[] @Nullable []> pages = new AtomicReferenceArray<>(0x110000 >> 8);

  private Decomposition(Normalizer.Form form) {
    this.form = form;
  }

  /** The parts of a code point, or null if it is its own. */
  int @Nullable [] of(int c) {
    int[] @Nullable [] page = pages.getAcquire(c >> 8);
    if (page == null) {
      page = new int[256][];
      for (int i = 0; i < 256; i++) {
        page[i] = parts(c & ~0xFF | i);
      }
      pages.setRelease(c >> 8, page);
    }
    return page[c & 0xFF];
  }

  private int @Nullable [] parts(int c) {
    if (c >= 0xD800 && c <= 0xDFFF || (form == Normalizer.Form.NFD ? Unicode.isWhole(c) : Unicode.isWholeForCompatibility(c))) {
      return null;
    }
    String whole = Character.toString(c);
    String parts = Normalizer.normalize(whole, form);
    return parts.equals(whole) ? null : parts.codePoints().toArray();
  }

  /** Pairs that have one code point of their own. */
  static final class Pairs {
    private static final Map<Long, Integer> COMPOSED = new HashMap<>();
    private static final CodePoints SECONDS;

    static {
      BitSet seconds = new BitSet();
      for (int c = 0xC0; c < 0x30000; c++) {
        int[] parts = CANONICAL.of(c);
        if (parts == null || parts.length < 2 || !Normalizer.isNormalized(Character.toString(c), Normalizer.Form.NFC)) {
          continue;
        }
        String first = Normalizer.normalize(new String(parts, 0, parts.length - 1), Normalizer.Form.NFC);
        if (first.codePointCount(0, first.length()) == 1) {
          COMPOSED.put(key(first.codePointAt(0), parts[parts.length - 1]), c);
          seconds.set(parts[parts.length - 1]);
        }
      }
      SECONDS = CodePoints.of(seconds);
    }

    private Pairs() {}

    /** What two become, or −1. */
    static int composed(int first, int second) {
      return SECONDS.has(second) ? COMPOSED.getOrDefault(key(first, second), -1) : -1;
    }

    private static long key(int first, int second) {
      return (long) first << 32 | second;
    }
  }
}
