package io.github.lora4j.tokenizer.internal;

/**
 * Joins WordPiece tokens to text.
 *
 * @param prefix what continuation pieces begin with
 * @param cleanup whether spaces before punctuation and English contractions are taken out
 */
record WordPieceDecoder(String prefix, boolean cleanup) {

  String decode(Iterable<String> tokens) {
    StringBuilder text = new StringBuilder();
    boolean first = true;
    for (String token : tokens) {
      String part = first ? token : token.startsWith(prefix) ? token.substring(prefix.length()) : " " + token;
      text.append(cleanup ? clean(part) : part);
      first = false;
    }
    return text.toString();
  }

  private static String clean(String part) {
    return part.replace(" .", ".").replace(" ?", "?").replace(" !", "!").replace(" ,", ",").replace(" ' ", "'").replace(" n't", "n't")
        .replace(" 'm", "'m").replace(" do not", " don't").replace(" 's", "'s").replace(" 've", "'ve").replace(" 're", "'re");
  }
}
