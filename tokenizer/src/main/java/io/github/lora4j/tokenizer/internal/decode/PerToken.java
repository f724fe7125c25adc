package io.github.lora4j.tokenizer.internal.decode;

/** A step that makes of each token another, knowing only whether it is the first. */
public interface PerToken extends Decoder {

  /** What becomes of a token. */
  String map(String token, boolean first);

  @Override
  default Stage start(Stage next) {
    return new TokenStage(next) {
      private boolean first = true;

      @Override
      void token(String token) {
        give(map(token, first));
        first = false;
      }
    };
  }

  /** Joins words with spaces: what is done where a file names no decoder. */
  static Decoder spaced() {
    return (PerToken) (token, first) -> first ? token : " " + token;
  }

  /**
   * Joins WordPiece tokens.
   *
   * @param prefix what continuation pieces begin with
   * @param cleanup whether spaces before punctuation and English contractions are taken out
   */
  static Decoder wordPiece(String prefix, boolean cleanup) {
    return (PerToken) (token, first) -> {
      String part = first ? token : token.startsWith(prefix) ? token.substring(prefix.length()) : " " + token;
      return cleanup ? clean(part) : part;
    };
  }

  /** Takes out the spaces before punctuation and English contractions. */
  static String clean(String part) {
    return part.replace(" .", ".").replace(" ?", "?").replace(" !", "!").replace(" ,", ",").replace(" ' ", "'").replace(" n't", "n't")
        .replace(" 'm", "'m").replace(" do not", " don't").replace(" 's", "'s").replace(" 've", "'ve").replace(" 're", "'re");
  }
}
