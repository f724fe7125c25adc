package io.github.lora4j.tokenizer.internal.decode;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Tokens such as {@code <0x0A>} as bytes: those in a row are one text in UTF-8, or, if they are none, a U+FFFD each. What a row becomes is certain
 * only at its end.
 */
record ByteFallbackDecoder() implements Decoder {

  @Override
  public Stage start(Stage next) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    return new TokenStage(next) {
      @Override
      void token(String token) {
        int value = value(token);
        if (value >= 0) {
          bytes.write(value);
        } else {
          flush();
          give(token);
        }
      }

      private void flush() {
        if (bytes.size() > 0) {
          byte[] all = bytes.toByteArray();
          bytes.reset();
          CharsetDecoder utf8 = StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT);
          CharBuffer text = CharBuffer.allocate(all.length);
          if (utf8.decode(ByteBuffer.wrap(all), text, true).isError()) {
            for (int i = 0; i < all.length; i++) {
              give("\uFFFD");
            }
          } else {
            give(text.flip().toString());
          }
        }
      }

      @Override
      public void done() {
        flush();
        super.done();
      }
    };
  }

  private static int value(String token) {
    if (token.length() != 6 || !token.startsWith("<0x") || !token.endsWith(">")) {
      return -1;
    }
    int high = Character.digit(token.charAt(3), 16);
    int low = Character.digit(token.charAt(4), 16);
    return token.charAt(3) < 0x80 && token.charAt(4) < 0x80 && high >= 0 && low >= 0 ? high << 4 | low : -1;
  }
}
