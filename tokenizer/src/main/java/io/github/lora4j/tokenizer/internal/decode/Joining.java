package io.github.lora4j.tokenizer.internal.decode;

/** Decoders that look at more than one token. */
final class Joining {

  private Joining() {}

  /** All tokens as one. */
  static Decoder fuse() {
    return next -> new Decoder.Stage() {
      @Override
      public void text(String part) {
        next.text(part);
      }

      @Override
      public void end() {
        // The next token goes on with this one.
      }

      @Override
      public void done() {
        next.end();
        next.done();
      }
    };
  }

  /** The end of a word as a space, except at the end of the text. */
  static Decoder wordEnds(String suffix) {
    return next -> new TokenStage(next) {
      private String last = "";
      private boolean any;

      @Override
      void token(String token) {
        // Whether this is the text's last token is not known yet: what stands before its first suffix is certain.
        if (any) {
          next().text(last.replace(suffix, " "));
          next().end();
        }
        int at = suffix.isEmpty() ? 0 : token.indexOf(suffix);
        String certain = at < 0 ? token : token.substring(0, at);
        next().text(certain);
        last = token.substring(certain.length());
        any = true;
      }

      @Override
      public void done() {
        if (any) {
          next().text(last.replace(suffix, ""));
          next().end();
        }
        super.done();
      }
    };
  }

  /**
   * Connectionist temporal classification: of equal tokens in a row one, no padding.
   *
   * @param cleanup whether word delimiters become spaces, and spaces before punctuation are taken out
   */
  static Decoder ctc(String padding, String delimiter, boolean cleanup) {
    return next -> new TokenStage(next) {
      private String last = "";
      private boolean any;

      @Override
      void token(String token) {
        if (any && token.equals(last)) {
          return;
        }
        last = token;
        any = true;
        String kept = padding.isEmpty() ? token : token.replace(padding, "");
        kept = cleanup ? PerToken.clean(kept).replace(delimiter, " ") : kept;
        if (!kept.isEmpty()) {
          give(kept);
        }
      }
    };
  }
}
