package io.github.lora4j.tokenizer.internal;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/** GPT-2's alphabet: every byte as a character that can be seen. */
final class Bytes {

  private static final char[] CHARACTERS = new char[256];
  private static final int[] VALUES = new int[0x200];

  static {
    Arrays.fill(VALUES, -1);
    int shifted = 0;
    for (int b = 0; b < 256; b++) {
      boolean visible = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
      CHARACTERS[b] = (char) (visible ? b : 0x100 + shifted++);
      VALUES[CHARACTERS[b]] = b;
    }
  }

  private Bytes() {}

  /** The character of a byte, 0 to 255. */
  static char character(int value) {
    return CHARACTERS[value];
  }

  /**
   * Text of tokens: their bytes one behind another as UTF-8, each longest beginning of a character that is not continued as one U+FFFD, as
   * Rust has it (Java makes one of a surrogate's three bytes). A token with other characters stands for itself.
   */
  static String text(List<String> tokens) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (String token : tokens) {
      if (token.chars().allMatch(c -> c < VALUES.length && VALUES[c] >= 0)) {
        token.chars().forEach(c -> bytes.write(VALUES[c]));
      } else {
        bytes.writeBytes(token.getBytes(StandardCharsets.UTF_8));
      }
    }
    return utf8(bytes.toByteArray());
  }

  private static String utf8(byte[] bytes) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < bytes.length; ) {
      int lead = bytes[i++] & 0xFF;
      int more = lead < 0xC2 || lead > 0xF4 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
      int codePoint = more == 0 ? lead < 0x80 ? lead : 0xFFFD : lead & 0x3F >> more;
      // The second byte of some is bounded: no longer form than needed, no surrogates, nothing above U+10FFFF.
      int low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
      int high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
      for (; more > 0; more--) {
        int next = i < bytes.length ? bytes[i] & 0xFF : 0;
        if (next < low || next > high) {
          codePoint = 0xFFFD;
          break;
        }
        codePoint = codePoint << 6 | next & 0x3F;
        low = 0x80;
        high = 0xBF;
        i++;
      }
      text.appendCodePoint(codePoint);
    }
    return text.toString();
  }
}
