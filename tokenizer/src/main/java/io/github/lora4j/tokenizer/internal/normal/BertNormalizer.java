package io.github.lora4j.tokenizer.internal.normal;

import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.tokenizer.internal.text.Unicode;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.stream.IntStream;

/**
 * BERT's normalisation. Every code point maps by itself to zero or more others, so the steps (clean, space out CJK, decompose and drop
 * accents, lower-case) are composed once per code point and kept in pages of 256.
 *
 * <p>The original also puts combining marks into canonical order. Only spacing marks with a combining class survive the dropping of accents
 * (a dozen musical and tone marks); where two of them follow each other in the wrong order, the order differs from the original.
 *
 * @see <a href="https://huggingface.co/docs/tokenizers/api/normalizers">BertNormalizer</a>
 */
public final class BertNormalizer implements Normalizer {

  /** For each code point of a page itself or another one, {@link #DROPPED}, or {@code -2 - i} for entry i of {@code several}. */
  private record Page(int[] single, int[][] several) {}

  private static final int DROPPED = -1;

  private final boolean cleanText;
  private final boolean handleChineseChars;
  private final boolean stripAccents;
  private final boolean lowercase;
  private final AtomicReferenceArray<Page> pages = new AtomicReferenceArray<>(0x110000 >> 8);

  public BertNormalizer(boolean cleanText, boolean handleChineseChars, boolean stripAccents, boolean lowercase) {
    this.cleanText = cleanText;
    this.handleChineseChars = handleChineseChars;
    this.stripAccents = stripAccents;
    this.lowercase = lowercase;
  }

  @Override
  public Text normalize(Text text) {
    Text result = new Text(text.length() + 8, text.origin());
    for (int i = 0; i < text.length(); i++) {
      int c = text.at(i);
      Page page = page(c >> 8);
      int single = page.single[c & 0xFF];
      if (single >= 0) {
        result.add(single, text.start(i), text.end(i));
      } else if (single != DROPPED) {
        for (int each : page.several[-2 - single]) {
          result.add(each, text.start(i), text.end(i));
        }
      }
    }
    return result;
  }

  private Page page(int number) {
    Page page = pages.getAcquire(number);
    if (page == null) {
      page = build(number);
      pages.setRelease(number, page);
    }
    return page;
  }

  private Page build(int number) {
    int[] single = new int[256];
    int[][] several = new int[256][];
    int count = 0;
    for (int i = 0; i < 256; i++) {
      int[] mapped = map(number << 8 | i);
      if (mapped.length == 1) {
        single[i] = mapped[0];
      } else if (mapped.length == 0) {
        single[i] = DROPPED;
      } else {
        single[i] = -2 - count;
        several[count++] = mapped;
      }
    }
    return new Page(single, Arrays.copyOf(several, count));
  }

  private int[] map(int c) {
    if (cleanText) {
      if (Unicode.isControl(c)) {
        return new int[0];
      }
      c = Unicode.isWhitespace(c) ? ' ' : c;
    }
    int[] mapped = handleChineseChars && Unicode.isChinese(c) ? new int[] {' ', c, ' '} : new int[] {c};
    if (stripAccents) {
      mapped = Arrays.stream(mapped).flatMap(BertNormalizer::decompose).filter(m -> !Unicode.isNonSpacingMark(m)).toArray();
    }
    return lowercase ? Arrays.stream(mapped).flatMap(m -> Arrays.stream(lower(m))).toArray() : mapped;
  }

  private static IntStream decompose(int c) {
    int[] parts = Decomposition.CANONICAL.of(c);
    return parts == null ? IntStream.of(c) : Arrays.stream(parts);
  }

  /** Full lower case of one code point without regard to its neighbours: U+0130 is the one that becomes two. */
  private static int[] lower(int c) {
    return c == 0x130 ? new int[] {'i', 0x307} : new int[] {Unicode.lower(c)};
  }
}
