package io.github.lora4j.tokenizer.internal.decode;

import io.github.lora4j.tokenizer.internal.text.Bytes;
import io.github.lora4j.tokenizer.internal.text.Utf8;
import java.nio.charset.StandardCharsets;

/**
 * Tokens of GPT-2's alphabet: their bytes one behind another as UTF-8, all one token. A token with characters that are not of the alphabet stands
 * for itself.
 */
public record ByteLevelDecoder() implements Decoder {

  @Override
  public Stage start(Stage next) {
    Utf8 bytes = new Utf8();
    return new TokenStage(next) {
      @Override
      void token(String token) {
        if (token.chars().allMatch(c -> Bytes.value(c) >= 0)) {
          token.chars().forEach(c -> bytes.add(Bytes.value(c)));
        } else {
          for (byte b : token.getBytes(StandardCharsets.UTF_8)) {
            bytes.add(b & 0xFF);
          }
        }
        next().text(bytes.take());
      }

      @Override
      public void done() {
        next().text(bytes.finish());
        next().end();
        super.done();
      }
    };
  }
}
