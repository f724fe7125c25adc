package io.github.lora4j.tokenizer.internal.text;

/**
 * Bytes that come one by one, as UTF-8: each longest beginning of a character that is not continued is one U+FFFD, as in Rust (Java makes one of
 * a surrogate's three bytes).
 */
public final class Utf8 {

  private final StringBuilder text = new StringBuilder();
  private int codePoint;
  private int more;
  private int low;
  private int high;

  /** Takes a byte, 0 to 255. */
  public void add(int value) {
    if (more > 0) {
      if (value >= low && value <= high) {
        codePoint = codePoint << 6 | value & 0x3F;
        low = 0x80;
        high = 0xBF;
        if (--more == 0) {
          text.appendCodePoint(codePoint);
        }
        return;
      }
      text.append('\uFFFD');
      more = 0;
    }
    if (value < 0x80) {
      text.append((char) value);
    } else if (value < 0xC2 || value > 0xF4) {
      text.append('\uFFFD');
    } else {
      more = value < 0xE0 ? 1 : value < 0xF0 ? 2 : 3;
      codePoint = value & 0x3F >> more;
      // The second byte of some is bounded: no longer form than needed, no surrogates, nothing above U+10FFFF.
      low = value == 0xE0 ? 0xA0 : value == 0xF0 ? 0x90 : 0x80;
      high = value == 0xED ? 0x9F : value == 0xF4 ? 0x8F : 0xBF;
    }
  }

  /** The characters that are complete and were not taken yet. */
  public String take() {
    String taken = text.toString();
    text.setLength(0);
    return taken;
  }

  /** The rest, a character that lacks bytes as U+FFFD. */
  public String finish() {
    if (more > 0) {
      text.append('\uFFFD');
      more = 0;
    }
    return take();
  }
}
